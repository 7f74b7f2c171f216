"""VF-MLE: log-loss cloning, which plays the tilt of the likeliest codeword."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import jax.numpy as jnp
from jaxtyping import Float

from verigap.sim.relabelling.evidence import Demonstrations
from verigap.sim.relabelling.game import RelabellingGame
from verigap.sim.relabelling.learners.learner import Side
from verigap.theory import RewardLaw
from verigap.theory.arrays import Array
from verigap.theory.lattices import LikelihoodLattice
from verigap.theory.precision import tie_tolerance
from verigap.theory.risks.vf_mle import probability_correct


def expert_tilt(law: RewardLaw, game: RelabellingGame, leashed: bool) -> Float[Array, "*prompts K"]:
    """The demonstrated tilt under a believed law, projected onto the leash's ball if asked."""
    ratio = game.ball.expert(law, game.expert_radius).density_ratio
    return game.ball.project(law, ratio, game.leash) if leashed else ratio


@dataclass(frozen=True)
class VFMLE:
    """Maximum likelihood over the 2^d candidate experts, ties broken uniformly."""

    name: ClassVar[str] = "vf-mle"
    title: ClassVar[str] = "VF-MLE (cloning)"
    side: ClassVar[Side] = "verifier-free"

    def log_choice(self, evidence: Demonstrations) -> Float[Array, " codewords"]:
        """Uniform over the likeliest codewords; those within `tie_tolerance` tie."""
        best = jnp.max(evidence.log_likelihood)
        tied = evidence.log_likelihood >= best - tie_tolerance(best.dtype) * jnp.maximum(
            jnp.abs(best), 1.0
        )
        return jnp.where(tied, 0.0, -jnp.inf).astype(best.dtype)

    def confidence(self, evidence: Demonstrations) -> Float[Array, ""]:
        """Posterior of one likeliest codeword, which all tied ones share."""
        return jnp.exp(jnp.max(evidence.log_likelihood) - evidence.log_total)

    def exact_confidence(
        self, law: LikelihoodLattice, log2_class_size: Float[Array, ""]
    ) -> Float[Array, ""]:
        """P(correct) of `theory.risks.vf_mle`."""
        return probability_correct(law, log2_class_size)

    def policy(
        self, law: RewardLaw, game: RelabellingGame, leashed: bool
    ) -> Float[Array, "*prompts K"]:
        """The demonstrated tilt of the picked codeword."""
        return expert_tilt(law, game, leashed)
