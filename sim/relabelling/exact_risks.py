"""Exact risks of the relabelling game in one setting, by closed forms where there are any."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from verigap.sim.relabelling.game import RelabellingGame
from verigap.sim.relabelling.learners import LEARNERS
from verigap.sim.relabelling.simulate import Plan, Summary, simulate_cell
from verigap.theory import Setting, chi2_ball_expert
from verigap.theory.lattices import two_level_cells
from verigap.theory.risks.version_space import two_level_pessimistic_gain

_simulate = jax.jit(simulate_cell, static_argnames="plan")


# Compiled as one, as each operation on its own is a program to compile.
@jax.jit
def _closed_forms(setting: Setting, game: RelabellingGame) -> tuple[Float[Array, ""], ...]:
    """The expert's value, and the risk of pessimism in the two-level game (tokens)."""
    law = setting.law
    gain = two_level_pessimistic_gain(
        setting.data_budget, setting.log2_class_size, law.sd[0], game.coverage
    )
    expert = chi2_ball_expert(law, setting.expert_radius)
    return jnp.mean(expert.value), game.expert_gain - gain


def exact_risks(setting: Setting, *, seed: int, replicates: int) -> dict[str, Any]:
    """Risks against the demonstrating expert of a setting, in tokens.

    `vf_bayes`, `vf_posterior_sampling` and `vb_pessimism` are estimates (`mean`, `stderr`), the
    others numbers. `vf_mle` is a closed form on one prompt; on a population it is averaged over
    the prompts that the data may hold, and `vf_mle_stderr` is not 0.

    Args:
      setting: scalars, and laws of shape (prompts, K).
      seed: of the simulation.
      replicates: independent data sets; a tenth of them on a population.
    """
    law = setting.law
    game = RelabellingGame(
        law,
        setting.horizon,
        setting.data_budget,
        setting.log2_class_size,
        setting.chi2_radius,
        setting.expert_radius,
        setting.expert_radius,
        setting.best_of,
        setting.failure_probability,
    )
    two_level = law.probabilities.shape == (1, 2)
    population = law.probabilities.shape[0] > 1
    if population:
        # Every data set of a population has a law of the scores of its own.
        plan = Plan(tuple(LEARNERS), max(replicates // 10, 2), 1 << 14, listed=16, chunk=8)
    elif two_level:
        tilt = math.sqrt(min(float(setting.expert_radius), 1.0))
        cells = two_level_cells(int(setting.data_budget), tilt, float(setting.log2_class_size))
        plan = Plan(tuple(LEARNERS), replicates, max(cells, 1 << 10), listed=64)
    else:
        plan = Plan(tuple(LEARNERS), replicates, 1 << 15, listed=16)
    summaries = jax.device_get(_simulate(jax.random.key(seed), game, plan))

    def estimate(summary: Summary) -> dict[str, float]:
        error = np.sqrt(summary.variance / plan.replicates)
        return {"mean": float(summary.mean), "stderr": float(error)}

    cloned = summaries["vf-mle"]
    expert_value, pessimism = jax.device_get(_closed_forms(setting, game))
    exact: dict[str, Any] = {
        "expert_radius": float(setting.expert_radius),
        "expert_value": float(expert_value),
        "vf_mle": float(cloned.mean if population else cloned.exact),
        "vf_mle_stderr": estimate(cloned)["stderr"] if population else 0.0,
        "vf_bayes": estimate(summaries["vf-bayes"]),
        "vf_posterior_sampling": estimate(summaries["vf-posterior-sampling"]),
        "vb": float(summaries["vb-plug-in"].exact),
        "vb_best_of_n": float(summaries["vb-best-of-n"].exact),
        "vb_pessimism": estimate(summaries["vb-pessimism"]),
    }
    if two_level:
        exact["vb_pessimism"] = {"mean": float(pessimism), "stderr": 0.0}
    return exact
