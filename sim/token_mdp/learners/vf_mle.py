"""VF-MLE: log-loss cloning over a finite class of token policies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import jax.numpy as jnp
from jaxtyping import Array, Float

from verigap.sim.token_mdp.classes import mixture
from verigap.sim.token_mdp.learners.learner import CloningProblem, Demonstrations
from verigap.sim.token_mdp.learners.likelihood import log_likelihood
from verigap.sim.token_mdp.mdp import TokenPolicy
from verigap.theory.precision import tie_tolerance


@dataclass(frozen=True)
class VFMLE:
    """Plays a candidate of the least log-loss, ties broken uniformly.

    Formal guarantee: VF-UPPER, docs/theory.md, for each of the tied candidates, hence for the draw.
    """

    name: ClassVar[str] = "vf-mle"

    def choice(self, problem: CloningProblem, seen: Demonstrations) -> Float[Array, " members"]:
        """Uniform over the likeliest candidates; those within `tie_tolerance` tie."""
        score = log_likelihood(problem, seen)
        best = jnp.max(score)
        tied = score >= best - tie_tolerance(best.dtype) * jnp.maximum(jnp.abs(best), 1.0)
        weights = tied.astype(score.dtype)
        return weights / jnp.sum(weights)

    def policy(self, problem: CloningProblem, seen: Demonstrations) -> TokenPolicy:
        """A likeliest candidate, drawn once a trace."""
        return mixture(problem.candidates, self.choice(problem, seen), problem.base)
