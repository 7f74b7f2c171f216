"""VF-Bayes mode: the traces that the posterior-average policy favours most over the base."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import jax
import jax.numpy as jnp

from verigap.sim.token_mdp.learners.learner import CloningProblem, Demonstrations
from verigap.sim.token_mdp.learners.likelihood import posterior
from verigap.sim.token_mdp.mdp import TokenPolicy, trace_law
from verigap.sim.token_mdp.traces import reweighted
from verigap.theory.precision import tie_tolerance


@dataclass(frozen=True)
class VFBayesMode:
    """Conditions the base on the largest posterior-average density ratio of a trace.

    Where every candidate's ratio is one increasing affine function of the return it aims at, these
    are the traces of the largest posterior mean return: the best verifier-free learner on average
    over the class. The experts of the relabelling game are so up to the ceiling radius of Lemma 2.
    """

    name: ClassVar[str] = "vf-bayes-mode"

    def policy(self, problem: CloningProblem, seen: Demonstrations) -> TokenPolicy:
        """The base on the favoured traces of each prompt; those within `tie_tolerance` tie."""
        weights = posterior(problem, seen)
        laws = jax.vmap(trace_law)(problem.candidates)
        base = trace_law(problem.base)
        average = jnp.sum(weights[:, None, None] * laws, axis=0)
        ratio = jnp.where(base > 0, average / jnp.where(base > 0, base, 1.0), 0.0)
        best = jnp.max(ratio, axis=-1, keepdims=True)
        favoured = (base > 0) & (ratio >= best * (1.0 - tie_tolerance(best.dtype)))
        return reweighted(problem.base, favoured.astype(base.dtype))
