"""Risks of every learner of the relabelling game in one setting, each with how it was computed."""

from __future__ import annotations

from dataclasses import dataclass, replace

import jax
import numpy as np

from verigap.sim.compilation import PLAINER_CODE
from verigap.sim.relabelling.game import RelabellingGame
from verigap.sim.relabelling.known_risks import known_risks
from verigap.sim.relabelling.learners import LEARNERS, AveragingLearner
from verigap.sim.relabelling.risk import Risk
from verigap.sim.relabelling.simulate import SINGLE, Summary, plan_for, simulate_cell
from verigap.theory import Setting

_simulate = jax.jit(simulate_cell, static_argnames="plan", compiler_options=PLAINER_CODE)


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


def _simulated(summary: Summary, replicates: int) -> Risk:
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
    known = known_risks(game, plan)
    # The scores of a general law are rounded to a grid; those of the two-level law are counts.
    two_level = (prompts, traces) == (1, 2)
    risks = {
        name: Risk(
            value=float(value),
            method="closed form"
            if two_level or isinstance(LEARNERS[name], AveragingLearner)
            else "lattice approximation",
        )
        for name, value in known.items()
    }
    if unknown := tuple(name for name in plan.learners if name not in known):
        plan = replace(plan, learners=unknown)
        summaries = jax.device_get(_simulate(jax.random.key(seed), game, plan))
        risks |= {name: _simulated(summaries[name], plan.replicates) for name in unknown}
    return LearnerRisks(
        expert_radius=float(setting.expert_radius),
        expert_value=float(np.mean(setting.expert.value)),
        by_learner={name: risks[name] for name in LEARNERS},
    )
