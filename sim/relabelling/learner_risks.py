"""Risks of every learner of the relabelling game in one setting, each with how it was computed."""

from __future__ import annotations

from dataclasses import dataclass, replace

import jax
import numpy as np

from verigap.sim.compilation import PLAINER_CODE
from verigap.sim.relabelling.game import RelabellingGame
from verigap.sim.relabelling.known_risks import KnownRisk, known_risks
from verigap.sim.relabelling.learners import LEARNERS
from verigap.sim.relabelling.plans import SINGLE, plan_for
from verigap.sim.relabelling.risk import Risk
from verigap.sim.relabelling.simulate import Summary, simulate_cell
from verigap.theory import Setting

_simulate = jax.jit(simulate_cell, static_argnames="plan", compiler_options=PLAINER_CODE)


@dataclass(frozen=True, kw_only=True)
class LearnerRisks:
    """Risks of all learners against one demonstrating expert, each with how it was computed.

    Attributes:
      expert_radius: radius kappa' of the expert, in the divergence of the setting.
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


def _computed(risk: KnownRisk) -> Risk:
    if risk.exact:
        return Risk(value=risk.low, method="closed form")
    middle = risk.low + 0.5 * (risk.high - risk.low)
    return Risk(value=middle, method="lattice approximation", low=risk.low, high=risk.high)


def learner_risks(setting: Setting, *, seed: int, replicates: int) -> LearnerRisks:
    """Risks of every registered learner against the demonstrating expert of a setting, in tokens.

    On one prompt cloning, plug-in and best-of-N are sums over the types of the scores, and so
    closed forms, where the types are few: the density ratio has two values, or not many more.
    Elsewhere scores are put on a lattice and the risk lies between two ends. Pessimism is a closed
    form on the two-level law. On a population cloning is averaged over the prompts that the data
    may hold, which is a simulation.

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
        class_radius=setting.class_radius,
        expert_radius=setting.expert_radius,
        leash=setting.expert_radius,
        num_candidates=setting.num_candidates,
        failure_probability=setting.failure_probability,
        divergence=setting.divergence,
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
        divergence=setting.divergence,
    )
    known = known_risks(game, plan)
    risks = {name: _computed(risk) for name, risk in known.items()}
    if unknown := tuple(name for name in plan.learners if name not in known):
        plan = replace(plan, learners=unknown)
        summaries = jax.device_get(_simulate(jax.random.key(seed), game, plan))
        risks |= {name: _simulated(summaries[name], plan.replicates) for name in unknown}
    return LearnerRisks(
        expert_radius=float(setting.expert_radius),
        expert_value=float(np.mean(setting.expert.value)),
        by_learner={name: risks[name] for name in LEARNERS},
    )
