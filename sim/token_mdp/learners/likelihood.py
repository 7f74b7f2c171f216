"""How likely each candidate policy makes the demonstrations."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from verigap.sim.token_mdp.classes import class_log_laws
from verigap.sim.token_mdp.learners.learner import CloningProblem, Demonstrations


def log_likelihood(problem: CloningProblem, seen: Demonstrations) -> Float[Array, " members"]:
    """Sum over the demonstrations of ln pi(trace | prompt) (nats); -inf if one is impossible."""
    laws = class_log_laws(problem.candidates)
    return jnp.sum(laws[:, seen.prompts, seen.traces], axis=-1)


def posterior(problem: CloningProblem, seen: Demonstrations) -> Float[Array, " members"]:
    """Posterior over the candidates under the uniform prior."""
    return jax.nn.softmax(log_likelihood(problem, seen))
