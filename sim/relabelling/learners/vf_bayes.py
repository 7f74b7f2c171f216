"""VF-Bayes: the best verifier-free learner on average over codewords."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from jaxtyping import Float

from verigap.sim.relabelling.evidence import Belief, Demonstrations
from verigap.sim.relabelling.game import RelabellingGame
from verigap.sim.relabelling.learners.learner import Side, posterior
from verigap.theory import RewardLaw, top_share_policy
from verigap.theory.arrays import Array


@dataclass(frozen=True)
class VFBayes:
    """Plays the trace of the largest posterior mean return."""

    name: ClassVar[str] = "vf-bayes"
    title: ClassVar[str] = "VF-Bayes (best possible)"
    side: ClassVar[Side] = "verifier-free"

    def belief(self, evidence: Demonstrations) -> Belief:
        """The posterior over codewords."""
        return posterior(evidence)

    def exact_gain(self, game: RelabellingGame) -> Float[Array, ""] | None:
        """No closed form is known."""
        return None

    def policy(
        self, law: RewardLaw, game: RelabellingGame, leashed: bool
    ) -> Float[Array, "*prompts K"]:
        """The best single trace, or the best policy of the leash's ball."""
        if leashed:
            return game.ball.expert(law, game.leash).density_ratio
        return top_share_policy(law, 1.0 / law.probabilities.shape[-1])
