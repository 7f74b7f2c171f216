"""Version spaces: which candidate rewards the labels leave, and learners that trust one of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from verigap.sim.token_mdp.classes import class_returns
from verigap.sim.token_mdp.experts import ratio_of_traces
from verigap.sim.token_mdp.learners.learner import Labels, VerificationProblem
from verigap.sim.token_mdp.learners.max_min import MaxMin, max_min_policy
from verigap.sim.token_mdp.mdp import TokenPolicy, TokenReward, return_law, trace_law
from verigap.sim.token_mdp.traces import reweighted
from verigap.theory import RewardLaw


def mean_squared_error(problem: VerificationProblem, seen: Labels) -> Float[np.ndarray, " members"]:
    """Mean over the labels of (R_candidate - R)^2 / H^2, in [0, 1]."""
    claimed = np.asarray(class_returns(problem.candidates))
    claimed = claimed[:, np.asarray(seen.prompts), np.asarray(seen.traces)]
    error = (claimed - np.asarray(seen.returns)) / problem.candidates.tree.horizon
    return np.mean(error**2, axis=-1)


def consistent(problem: VerificationProblem, seen: Labels) -> Bool[np.ndarray, " members"]:
    """Which candidates reproduce every label: those of 0/1 loss 0."""
    return mean_squared_error(problem, seen) == 0


def pessimistic(problem: VerificationProblem, kept: Bool[np.ndarray, " members"]) -> MaxMin:
    """argmax over density ratios <= 1/c0 of the worst value under the kept candidates."""
    return max_min_policy(
        np.asarray(problem.prompt_law, float),
        np.asarray(trace_law(problem.base), float),
        np.asarray(class_returns(problem.candidates))[kept],
        float(problem.coverage),
    )


def played(problem: VerificationProblem, density_ratio: np.ndarray) -> TokenPolicy:
    """The policy of a density ratio to the base, in the base's dtype."""
    dtype = problem.base.probabilities.dtype
    return reweighted(problem.base, jnp.asarray(density_ratio, dtype))


class TrustsOneSurvivor(ABC):
    """Draws a consistent candidate once a trace, and plays a policy that depends on it alone.

    Subclasses are hashable, as `jax.jit` takes them for constants.
    """

    @abstractmethod
    def ratio(self, problem: VerificationProblem, law: RewardLaw) -> Float[Array, "prompts K"]:
        """Density ratio to the base by return; `law` is the base's return law on {0..H}."""

    def policy(self, problem: VerificationProblem, seen: Labels) -> TokenPolicy:
        """The average over the consistent candidates."""
        return self.policy_for(problem, consistent(problem, seen))

    def policy_for(
        self, problem: VerificationProblem, kept: Bool[np.ndarray, " members"]
    ) -> TokenPolicy:
        """What it plays when these candidates are left."""
        ratios = np.asarray(_trusting_ratios(self, problem))
        return played(problem, ratios[kept].mean(axis=0))


@partial(jax.jit, static_argnames="learner")
def _trusting_ratios(
    learner: TrustsOneSurvivor, problem: VerificationProblem
) -> Float[Array, "members prompts traces"]:
    """Density ratio that the learner plays for each candidate."""

    def trusting(reward: TokenReward) -> Array:
        return ratio_of_traces(learner.ratio(problem, return_law(problem.base, reward)), reward)

    return jax.vmap(trusting)(problem.candidates)
