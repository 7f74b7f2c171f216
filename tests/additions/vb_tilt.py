"""VB tilt: trusts one consistent reward and plays the best policy of the expert class for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from jaxtyping import Array, Float

from verigap.sim.relabelling.game import RelabellingGame
from verigap.sim.relabelling.learners.survivor import TrustsOneSurvivor
from verigap.theory import RewardLaw


@dataclass(frozen=True)
class VBTilt(TrustsOneSurvivor):
    """The best policy of the expert class for a randomly chosen consistent reward."""

    name: ClassVar[str] = "vb-tilt"
    title: ClassVar[str] = "VB tilt"

    def policy(
        self, law: RewardLaw, game: RelabellingGame, leashed: bool
    ) -> Float[Array, "*prompts K"]:
        """Density ratio to the base of the tilt."""
        radius = game.leash if leashed else game.class_radius
        return game.ball.expert(law, radius).density_ratio
