"""VB version space + pessimism: the max-min policy over all consistent rewards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from jaxtyping import Float

from verigap.sim.relabelling.evidence import Belief, Labels
from verigap.sim.relabelling.game import RelabellingGame
from verigap.sim.relabelling.learners.learner import Side, version_space
from verigap.theory import RewardLaw, top_share_policy
from verigap.theory.arrays import Array
from verigap.theory.risks.version_space import two_level_pessimistic_gain


@dataclass(frozen=True)
class VBPessimism:
    """max over policies of density ratio <= 1/c0 of the worst consistent reward.

    Survivors are exchangeable, so the max-min policy is the one that is best for their average
    (docs/theory.md, exact risks).
    """

    name: ClassVar[str] = "vb-pessimism"
    title: ClassVar[str] = "VB pessimism"
    side: ClassVar[Side] = "verifier-based"

    def belief(self, evidence: Labels) -> Belief:
        """Uniform over the version space."""
        return version_space(evidence)

    def exact_gain(self, game: RelabellingGame) -> Float[Array, ""] | None:
        """Known in the two-level game on one prompt (`theory.risks.version_space`)."""
        if game.law.probabilities.shape != (1, 2):
            return None
        return two_level_pessimistic_gain(
            game.data_budget, game.log2_class_size, game.law.sd[0], game.coverage
        )

    def policy(
        self, law: RewardLaw, game: RelabellingGame, leashed: bool
    ) -> Float[Array, "*prompts K"]:
        """The best c0-share of the traces, or the best policy of the leash's ball."""
        if leashed:
            return game.ball.expert(law, game.leash).density_ratio
        return top_share_policy(law, game.coverage)
