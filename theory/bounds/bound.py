"""What a bound is: a statement with its source and assumptions, and a function of a `Setting`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from verigap.theory.coverage import top_share_coverage
from verigap.theory.experts import chi2_ball_expert
from verigap.theory.laws import RewardLaw


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Setting:
    """Everything a bound may depend on; a pytree of arrays, so that bounds are vmapped over cells.

    Attributes:
      horizon: H, tokens, >= 1.
      data_budget: n, expert traces (verifier-free) or labelled base traces (verifier-based), >= 1.
      log2_class_size: d = log2 of the number of policies, or of reward functions, in bits.
      failure_probability: delta in (0, 1).
      law: base reward laws of K equiprobable traces, shape (prompts, K), in tokens.
      chi2_radius: kappa, the radius of the expert class around the base, >= 0.
      expert_radius: kappa', the chi-square radius of the expert that demonstrates and is compared
        with, in [0, kappa].
      coverage: c0 in (0, 1], lower bound on the base's coverage of experts in the kappa ball.
      expert_sd: sqrt(E_x Var_{expert} R), tokens.
      expert_mean_max: max_x E_{expert} R, tokens.
      best_of: N of best-of-N, >= 1.
      label_error: eta in [0, 1], base probability that a label is wrong; 0 for true returns.
      hardest_expert: VF-LOWER may choose the hardest expert_radius <= chi2_radius itself.
    """

    horizon: Float[Array, "*cells"]
    data_budget: Float[Array, "*cells"]
    log2_class_size: Float[Array, "*cells"]
    failure_probability: Float[Array, "*cells"]
    law: RewardLaw
    chi2_radius: Float[Array, "*cells"]
    expert_radius: Float[Array, "*cells"]
    coverage: Float[Array, "*cells"]
    expert_sd: Float[Array, "*cells"]
    expert_mean_max: Float[Array, "*cells"]
    best_of: Float[Array, "*cells"]
    label_error: Float[Array, "*cells"]
    hardest_expert: bool = field(default=False, metadata={"static": True})

    @classmethod
    def from_law(
        cls,
        law: RewardLaw,
        *,
        horizon: Float[Array, ""] | float,
        data_budget: Float[Array, ""] | float,
        log2_class_size: Float[Array, ""] | float,
        chi2_radius: Float[Array, ""] | float,
        expert_radius: Float[Array, ""] | float | None = None,
        failure_probability: Float[Array, ""] | float = 0.05,
        best_of: Float[Array, ""] | float = 1.0,
        label_error: Float[Array, ""] | float = 0.0,
    ) -> Setting:
        """Setting of a game on `law`, shape (prompts, K) with K equiprobable atoms.

        Coverage and the expert's moments are computed from the law. Without `expert_radius` the
        expert is the best of the ball, and VF-LOWER is taken over all experts of the ball.
        """
        dtype = law.probabilities.dtype

        def number(value: Float[Array, ""] | float) -> Float[Array, ""]:
            return jnp.asarray(value, dtype)

        kappa = number(chi2_radius)
        demonstrated = kappa if expert_radius is None else number(expert_radius)
        expert = chi2_ball_expert(law, demonstrated)
        best = chi2_ball_expert(law, kappa)
        return cls(
            horizon=number(horizon),
            data_budget=number(data_budget),
            log2_class_size=number(log2_class_size),
            failure_probability=number(failure_probability),
            law=law,
            chi2_radius=kappa,
            expert_radius=demonstrated,
            coverage=jnp.min(top_share_coverage(law, best.value)),
            expert_sd=jnp.sqrt(jnp.mean(expert.sd**2)),
            expert_mean_max=jnp.max(expert.value),
            best_of=number(best_of),
            label_error=number(label_error),
            hardest_expert=expert_radius is None,
        )

    @property
    def log_class_over_delta(self) -> Float[Array, ""]:
        """ln(class size / delta), nats."""
        return self.log2_class_size * jnp.log(2.0) - jnp.log(self.failure_probability)

    @property
    def log_class(self) -> Float[Array, ""]:
        """ln(class size), nats."""
        return self.log2_class_size * jnp.log(2.0)

    def with_expert(self, expert_radius: Float[Array, ""]) -> Setting:
        """The same setting with the demonstrations of the expert of another radius."""
        expert = chi2_ball_expert(self.law, expert_radius)
        return replace(
            self,
            expert_radius=expert_radius,
            expert_sd=jnp.sqrt(jnp.mean(expert.sd**2)),
            expert_mean_max=jnp.max(expert.value),
            hardest_expert=False,
        )


@dataclass(frozen=True)
class Assumption:
    """A condition under which a bound is proved: words for people, a predicate for programs."""

    text: str
    holds: Callable[[Setting], Bool[Array, ""]]


@dataclass(frozen=True)
class Bound:
    """One inequality of docs/theory.md.

    Attributes:
      name: registry name, also the heading of its proof in docs/theory.md.
      title: what it says in a few words.
      statement: LaTeX.
      source: paper or "beyond [S25]".
      quantity: what is bounded: "risk" (suboptimality, tokens), "gap" (VF risk minus VB risk,
        tokens) or "matching" (probability of matching the expert).
      direction: whether the value is a "lower" or an "upper" bound on the quantity.
      statistic: how it is checked on replicates: by the "mean", or, for a bound that holds except
        with probability delta, by the "exceedance" frequency.
      learners: names of the learners the quantity is measured on; for a gap, VF then VB.
      assumptions: all must hold for the statement to be proved.
      value: the bound, a scalar, as a function of the setting.
    """

    name: str
    title: str
    statement: str
    source: str
    quantity: Literal["risk", "gap", "matching"]
    direction: Literal["lower", "upper"]
    statistic: Literal["mean", "exceedance"]
    learners: tuple[str, ...]
    assumptions: tuple[Assumption, ...]
    value: Callable[[Setting], Float[Array, ""]]

    @property
    def proof(self) -> str:
        """Where it is proved."""
        return f"docs/theory.md#{self.name.lower()}"

    def assumptions_hold(self, setting: Setting) -> Bool[Array, ""]:
        """Whether every assumption holds in the setting."""
        held = jnp.asarray(True)
        for assumption in self.assumptions:
            held = held & assumption.holds(setting)
        return held


def returns_within_horizon(setting: Setting) -> Bool[Array, ""]:
    """All returns of the law lie in [0, horizon], up to rounding."""
    slack = 1e-6 * setting.horizon
    return (jnp.min(setting.law.minimum) >= -slack) & (
        jnp.max(setting.law.maximum) <= setting.horizon + slack
    )


RETURNS_FIT = Assumption("returns lie in [0, H]", returns_within_horizon)
ENOUGH_DATA = Assumption(
    "n >= 1 and class size >= 1", lambda s: (s.data_budget >= 1) & (s.log2_class_size >= 0)
)
