"""VB best-of-N: samples N base traces and keeps the one a consistent reward ranks first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from jaxtyping import Float

from verigap.sim.relabelling.game import RelabellingGame
from verigap.sim.relabelling.learners.survivor import TrustsOneSurvivor
from verigap.theory import RewardLaw, best_of_n_policy
from verigap.theory.arrays import Array


@dataclass(frozen=True)
class VBBestOfN(TrustsOneSurvivor):
    """Best of `game.num_candidates` base traces under a randomly chosen consistent reward."""

    name: ClassVar[str] = "vb-best-of-n"
    title: ClassVar[str] = "VB best-of-N"

    def policy(
        self, law: RewardLaw, game: RelabellingGame, leashed: bool
    ) -> Float[Array, "*prompts K"]:
        """Exact best-of-N density ratio, projected onto the leash's ball if asked."""
        ratio = best_of_n_policy(law, game.num_candidates)
        return game.ball.project(law, ratio, game.leash) if leashed else ratio
