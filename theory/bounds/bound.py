"""What a bound is: a statement with its source and assumptions, and a function of a `Setting`."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal

import jax
from jaxtyping import Bool, Float

from verigap.theory.arrays import Array, as_in, host_property, kept, xp
from verigap.theory.balls import BALLS, Ball, Divergence
from verigap.theory.coverage import top_share_coverage
from verigap.theory.experts import Expert
from verigap.theory.laws import RewardLaw

# So that its exponential is 0 in every dtype, and its gradients are finite.
_NO_RIVAL = -1e4

Game = Literal["relabelling", "hard-prompts", "same-levels", "other"]
"""The game that a setting describes: the relabelling game on its law, the hard prompts of VB-LOWER
(both in docs/theory.md), one in which J* and c* are the same under every reward of the class, or
any other."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Setting:
    """Everything a bound may depend on; a pytree of arrays, so that bounds are vmapped over cells.

    Attributes:
      horizon: H, tokens, >= 1.
      data_budget: n, expert traces (verifier-free) or labelled base traces (verifier-based), >= 1.
      log2_class_size: d = log2 of the number of policies, or of reward functions, in bits.
      failure_probability: delta in (0, 1).
      law: base reward laws, shape (prompts, K), in tokens; of K equiprobable traces in the
        relabelling game.
      class_radius: kappa, the radius of the expert class around the base, >= 0: a chi-square
        distance, or nats where the divergence is KL.
      expert_radius: kappa', the radius of the expert that demonstrates and is compared with, in
        [0, kappa], in the same divergence.
      coverage: c0 in (0, 1], lower bound on the base's coverage of experts in the kappa ball.
      expert_sd: sqrt(E_x Var_{expert} R), tokens.
      expert_mean_max: max_x E_{expert} R, tokens.
      num_candidates: N of best-of-N, >= 1.
      label_error: eta in [0, 1], base probability that a label is wrong; 0 for true returns. A
        trace always gets the same label.
      label_noise: f in [0, 1/2), probability that a label is wrong by chance, anew for each label.
      reward_error: epsilon_R, root mean square error under the base of a reward estimate that a
        verifier-based learner is given in place of labels, tokens, >= 0; 0 where it has none.
      misspecification: min over the policy class of E_x chi^2(expert || policy), >= 0; 0 where the
        class holds the expert.
      game: which game the numbers describe.
      divergence: what the two radii bound, "chi2" or "kl".
      law_known: whether `law` is the law of the base, and not a stand-in with its moments.
      realisable: whether the class of the learner holds the truth: the expert for a verifier-free
        learner, the reward that labels for a verifier-based one. Both games are made so.
      hardest_expert: VF-LOWER may choose the hardest expert_radius <= class_radius itself.
    """

    horizon: Float[Array, "*cells"]
    data_budget: Float[Array, "*cells"]
    log2_class_size: Float[Array, "*cells"]
    failure_probability: Float[Array, "*cells"]
    law: RewardLaw
    class_radius: Float[Array, "*cells"]
    expert_radius: Float[Array, "*cells"]
    coverage: Float[Array, "*cells"]
    expert_sd: Float[Array, "*cells"]
    expert_mean_max: Float[Array, "*cells"]
    num_candidates: Float[Array, "*cells"]
    label_error: Float[Array, "*cells"]
    label_noise: Float[Array, "*cells"]
    reward_error: Float[Array, "*cells"]
    misspecification: Float[Array, "*cells"]
    game: Game = field(metadata={"static": True})
    divergence: Divergence = field(default="chi2", metadata={"static": True})
    law_known: bool = field(default=True, metadata={"static": True})
    realisable: bool = field(default=True, metadata={"static": True})
    hardest_expert: bool = field(default=False, metadata={"static": True})

    @classmethod
    def from_law(
        cls,
        law: RewardLaw,
        *,
        horizon: Float[Array, ""] | float,
        data_budget: Float[Array, ""] | float,
        log2_class_size: Float[Array, ""] | float,
        chi2_radius: Float[Array, ""] | float | None = None,
        kl_radius: Float[Array, ""] | float | None = None,
        expert_radius: Float[Array, ""] | float | None = None,
        failure_probability: Float[Array, ""] | float = 0.05,
        num_candidates: Float[Array, ""] | float = 1.0,
        label_error: Float[Array, ""] | float = 0.0,
        label_noise: Float[Array, ""] | float = 0.0,
        reward_error: Float[Array, ""] | float = 0.0,
        misspecification: Float[Array, ""] | float = 0.0,
        game: Game = "relabelling",
    ) -> Setting:
        """Setting of a game on `law`, shape (prompts, K), with K equiprobable atoms to relabel.

        The expert class is a ball in the divergence whose radius is given: `chi2_radius`, or
        `kl_radius` in nats. Coverage and the expert's moments are computed from the law. Without
        `expert_radius` the expert is the best of the ball, and VF-LOWER is taken over all experts
        of the ball.

        Raises:
          ValueError: both radii are given, or neither.
        """

        def number(value: Float[Array, ""] | float) -> Float[Array, ""]:
            return as_in(value, law.probabilities)

        divergence, radius = chosen_radius(chi2_radius, kl_radius)
        kappa = number(radius)
        demonstrated = kappa if expert_radius is None else number(expert_radius)
        expert = BALLS[divergence].expert(law, demonstrated)
        best = BALLS[divergence].expert(law, kappa)
        return cls(
            horizon=number(horizon),
            data_budget=number(data_budget),
            log2_class_size=number(log2_class_size),
            failure_probability=number(failure_probability),
            law=law,
            class_radius=kappa,
            expert_radius=demonstrated,
            coverage=_least_coverage(law, best),
            expert_sd=xp.sqrt(xp.mean(expert.sd**2)),
            expert_mean_max=xp.max(expert.value),
            num_candidates=number(num_candidates),
            label_error=number(label_error),
            label_noise=number(label_noise),
            reward_error=number(reward_error),
            misspecification=number(misspecification),
            game=game,
            divergence=divergence,
            hardest_expert=expert_radius is None,
        )

    @property
    def log_class(self) -> Float[Array, ""]:
        """ln(class size), nats."""
        return self.log2_class_size * math.log(2.0)

    @property
    def log_rivals(self) -> Float[Array, ""]:
        """ln(class size - 1), nats: how many members are not the truth; -10,000 where none is."""
        several = self.log_class > 0
        log_class = xp.where(several, self.log_class, 1.0)
        return xp.where(several, log_class + xp.log(-xp.expm1(-log_class)), _NO_RIVAL)

    @property
    def log_rivals_over_delta(self) -> Float[Array, ""]:
        """ln((class size - 1) / delta), nats, at least 0."""
        return xp.maximum(self.log_rivals - xp.log(self.failure_probability), 0.0)

    @property
    def ball(self) -> Ball:
        """What a radius means: the balls of the setting's divergence."""
        return BALLS[self.divergence]

    @host_property
    def expert(self) -> Expert:
        """The demonstrating expert, the best of the ball of radius `expert_radius`."""
        return self.ball.expert(self.law, self.expert_radius)

    @host_property
    def best(self) -> Expert:
        """The best policy of the ball of radius `class_radius`."""
        return self.ball.expert(self.law, self.class_radius)

    @property
    def law_coverage(self) -> Float[Array, ""]:
        """min_x alpha_x(kappa): what the law itself allows `coverage` to be, in (0, 1]."""
        return _least_coverage(self.law, self.best)

    def with_expert(self, expert_radius: Float[Array, ""]) -> Setting:
        """The same setting with the demonstrations of the expert of another radius."""
        expert = self.ball.expert(self.law, expert_radius)
        setting = replace(
            self,
            expert_radius=expert_radius,
            expert_sd=xp.sqrt(xp.mean(expert.sd**2)),
            expert_mean_max=xp.max(expert.value),
            hardest_expert=False,
        )
        kept(setting, "expert", lambda: expert)
        return setting


def chosen_radius(
    chi2_radius: Float[Array, ""] | float | None, kl_radius: Float[Array, ""] | float | None
) -> tuple[Divergence, Float[Array, ""] | float]:
    """The divergence of the one radius that is given, and the radius.

    Raises:
      ValueError: both are given, or neither.
    """
    if chi2_radius is not None and kl_radius is not None:
        raise ValueError("kl_radius: give it or `chi2_radius`, not both")
    if kl_radius is not None:
        return "kl", kl_radius
    if chi2_radius is None:
        raise ValueError("chi2_radius: is missing; give it or `kl_radius`")
    return "chi2", chi2_radius


def _least_coverage(law: RewardLaw, expert: Expert) -> Float[Array, ""]:
    return xp.min(top_share_coverage(law, expert.value))


@dataclass(frozen=True)
class Assumption:
    """A condition under which a bound is proved: words for people, a predicate for programs.

    Attributes:
      text: the condition in a few words.
      holds: whether the setting shows that it is met; false where the setting cannot tell.
      needs_law: whether it speaks of the base's own law, so that nobody can tell from a stand-in.
    """

    text: str
    holds: Callable[[Setting], Bool[Array, ""]]
    needs_law: bool = False

    def can_be_checked(self, setting: Setting) -> bool:
        """Whether the setting holds what the predicate asks for."""
        return setting.law_known or not self.needs_law


@dataclass(frozen=True)
class Bound:
    """One inequality of docs/theory.md.

    Attributes:
      name: registry name, also the heading of its proof in docs/theory.md.
      title: what it says in a few words.
      statement: LaTeX.
      source: paper or "beyond [S25]".
      side: which kind of learner it speaks of, or "both" for a gap between them.
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
    side: Literal["verifier-free", "verifier-based", "both"]
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
        """Whether every assumption is seen to hold in the setting, so that the bound is proved."""
        held = xp.asarray(True)
        for assumption in self.assumptions:
            held = held & assumption.holds(setting)
        return held
