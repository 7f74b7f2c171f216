"""VB plug-in: trusts one consistent reward and conditions the base on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from jaxtyping import Float

from verigap.sim.relabelling.game import RelabellingGame
from verigap.sim.relabelling.learners.survivor import TrustsOneSurvivor
from verigap.theory import RewardLaw, conditional_policy
from verigap.theory.arrays import Array


@dataclass(frozen=True)
class VBPlugIn(TrustsOneSurvivor):
    """The base given that a randomly chosen consistent reward is at least J*(kappa)."""

    name: ClassVar[str] = "vb-plug-in"
    title: ClassVar[str] = "VB plug-in"

    def policy(
        self, law: RewardLaw, game: RelabellingGame, leashed: bool
    ) -> Float[Array, "*prompts K"]:
        """Base given R >= J*(kappa) under the picked reward, or the best policy of the ball."""
        if leashed:
            return game.ball.expert(law, game.leash).density_ratio
        return conditional_policy(law, game.ball.expert(law, game.class_radius).value)
