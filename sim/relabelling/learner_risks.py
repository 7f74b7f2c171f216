"""Risks of every learner of the relabelling game in one setting, each with how it was computed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from verigap.sim.relabelling.game import RelabellingGame
from verigap.sim.relabelling.learners import LEARNERS, AveragingLearner
from verigap.sim.relabelling.risk import Risk
from verigap.sim.relabelling.simulate import SINGLE, Summary, plan_for, simulate_cell
from verigap.theory import Setting, chi2_ball_expert

_simulate = jax.jit(simulate_cell, static_argnames="plan")


@dataclass(frozen=True, kw_only=True)
class LearnerRisks:
    """Risks of all learners against one demonstrating expert, each with how it was computed.

    Attributes:
      expert_radius: chi-square radius kappa' of the expert.
      expert_value: its mean return, in the unit of the law.
      by_learner: by the learner's registered name, in the order of the registry.
    """

    expert_radius: float
    expert_value: float
    by_learner: dict[str, Risk]


# Compiled as one, as each operation on its own is a program to compile.
@partial(jax.jit, static_argnames="names")
def _closed_forms(
    game: RelabellingGame, names: tuple[str, ...]
) -> tuple[Float[Array, ""], dict[str, Float[Array, ""]]]:
    """The expert's value, and the risks of averaging learners that have a closed form (tokens)."""
    gains = {
        name: learner.exact_gain(game)
        for name in names
        if isinstance(learner := LEARNERS[name], AveragingLearner)
    }
    known = {name: game.expert_gain - gain for name, gain in gains.items() if gain is not None}
    return jnp.mean(chi2_ball_expert(game.law, game.expert_radius).value), known


def _risk(
    summary: Summary,
    closed_form: Float[np.ndarray, ""] | None,
    *,
    two_level: bool,
    replicates: int,
) -> Risk:
    """The closed form of a learner that has one, else its lattice value, else its sample mean."""
    if closed_form is not None:
        return Risk(value=float(closed_form), method="closed form")
    if not np.isnan(summary.exact):
        # The scores of a general law are rounded to a grid; those of the two-level law are counts.
        method = "closed form" if two_level else "lattice approximation"
        return Risk(value=float(summary.exact), method=method)
    return Risk(
        value=float(summary.mean),
        method="simulation",
        standard_error=float(np.sqrt(summary.variance / replicates)),
        replicates=replicates,
    )


def learner_risks(setting: Setting, *, seed: int, replicates: int) -> LearnerRisks:
    """Risks of every registered learner against the demonstrating expert of a setting, in tokens.

    On one prompt of the two-level law cloning, plug-in, best-of-N and pessimism are closed forms.
    On other laws the first three go through a law of scores that is rounded to a lattice, and on a
    population cloning is averaged over the prompts that the data may hold, which is a simulation.

    Args:
      setting: scalars, and laws of shape (prompts, K).
      seed: seed of the simulation.
      replicates: independent data sets; a tenth of them on a population.
    """
    game = RelabellingGame(
        law=setting.law,
        horizon=setting.horizon,
        data_budget=setting.data_budget,
        log2_class_size=setting.log2_class_size,
        chi2_radius=setting.chi2_radius,
        expert_radius=setting.expert_radius,
        leash=setting.expert_radius,
        num_candidates=setting.num_candidates,
        failure_probability=setting.failure_probability,
    )
    prompts, traces = setting.law.probabilities.shape
    plan = plan_for(
        (prompts, traces),
        learners=tuple(LEARNERS),
        # Data sets of a population, each with its own law of the scores, take longer.
        replicates=max(replicates // 10, 2) if prompts > 1 else replicates,
        expert_radius=float(setting.expert_radius),
        data_budget=int(setting.data_budget),
        log2_class_size=float(setting.log2_class_size),
        accuracy=SINGLE,
    )
    summaries = jax.device_get(_simulate(jax.random.key(seed), game, plan))
    expert_value, known = jax.device_get(_closed_forms(game, plan.learners))
    two_level = (prompts, traces) == (1, 2)
    risks = {
        name: _risk(
            summaries[name], known.get(name), two_level=two_level, replicates=plan.replicates
        )
        for name in plan.learners
    }
    return LearnerRisks(
        expert_radius=float(setting.expert_radius),
        expert_value=float(expert_value),
        by_learner=risks,
    )
