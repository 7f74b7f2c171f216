"""VF posterior sampling: plays the tilt of a codeword drawn from the posterior."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import jax.numpy as jnp
from jaxtyping import Float

from verigap.sim.relabelling.evidence import Demonstrations
from verigap.sim.relabelling.game import RelabellingGame
from verigap.sim.relabelling.learners.learner import Side, posterior
from verigap.sim.relabelling.learners.vf_mle import expert_tilt
from verigap.theory import RewardLaw
from verigap.theory.arrays import Array, xp
from verigap.theory.lattices import LikelihoodLattice


@dataclass(frozen=True)
class VFPosteriorSampling:
    """Samples a candidate expert in proportion to its likelihood."""

    name: ClassVar[str] = "vf-posterior-sampling"
    title: ClassVar[str] = "VF posterior sampling"
    side: ClassVar[Side] = "verifier-free"

    def log_choice(self, evidence: Demonstrations) -> Float[Array, " codewords"]:
        """The log-likelihood itself."""
        return evidence.log_likelihood

    def confidence(self, evidence: Demonstrations) -> Float[Array, ""]:
        """Sum of squared posterior weights: the draw and the truth are two posterior draws."""
        belief = posterior(evidence)
        return jnp.sum(belief.weights**2) + belief.crowd_square

    def exact_confidence(
        self, law: LikelihoodLattice, log2_class_size: Float[Array, ""]
    ) -> Float[Array, ""]:
        """No closed form is known."""
        return xp.full_like(log2_class_size, xp.nan)

    def policy(
        self, law: RewardLaw, game: RelabellingGame, leashed: bool
    ) -> Float[Array, "*prompts K"]:
        """The demonstrated tilt of the drawn codeword."""
        return expert_tilt(law, game, leashed)
