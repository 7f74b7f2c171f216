"""Learners of the token MDP on many data sets at once."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array
from scipy import stats

from verigap.sim.token_mdp.classes import class_returns
from verigap.sim.token_mdp.learners import (
    CLONING_LEARNERS,
    CloningProblem,
    Demonstrations,
    Labels,
    VerificationLearner,
    VerificationProblem,
)
from verigap.sim.token_mdp.mdp import TokenReward, value
from verigap.sim.token_mdp.random_instances import TokenInstance


@jax.jit
def cloned_values(
    problem: CloningProblem, instance: TokenInstance, prompts: Array, traces: Array
) -> dict[str, Array]:
    """True value of what each cloning learner plays, for each row of demonstrations."""

    def once(prompts: Array, traces: Array) -> dict[str, Array]:
        seen = Demonstrations(prompts, traces)
        return {
            name: jnp.sum(
                instance.prompt_law * value(learner.policy(problem, seen), instance.truth)
            )
            for name, learner in CLONING_LEARNERS.items()
        }

    return jax.vmap(once)(prompts, traces)


def verified_values(
    learner: VerificationLearner,
    problem: VerificationProblem,
    truth: TokenReward,
    prompts: np.ndarray,
    traces: np.ndarray,
) -> np.ndarray:
    """The same for a verification learner, which is run once for each version space."""
    claims = np.asarray(class_returns(problem.candidates))[:, prompts, traces]
    labels = np.asarray(class_returns(TokenReward(truth.correct[None])))[0, prompts, traces]
    error = ((claims - labels) ** 2).sum(-1)
    allowed = getattr(learner, "tolerance", 0.0) * truth.tree.horizon**2 * prompts.shape[-1]
    kept = (error <= allowed * (1 + 1e-12)).T
    _, first, which = np.unique(kept, axis=0, return_index=True, return_inverse=True)
    values = []
    for i in first:
        seen = Labels(*(jnp.asarray(array[i]) for array in (prompts, traces, labels)))
        earned = value(learner.policy(problem, seen), truth)
        values.append(float(np.asarray(problem.prompt_law) @ np.asarray(earned)))
    return np.array(values)[which.ravel()]


def exceedance(losses: np.ndarray, bound: float, delta: float) -> float:
    """p-value of seeing so many losses above a bound that holds with probability 1 - delta."""
    over = int((losses > bound + 1e-9).sum())
    return float(stats.binomtest(over, losses.size, delta, alternative="greater").pvalue)
