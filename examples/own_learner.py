"""A learner of one's own, registered and swept beside those of the package."""

from dataclasses import dataclass
from typing import ClassVar

import jax

jax.config.update("jax_enable_x64", True)

import verigap as vg  # noqa: E402
from verigap.sim.relabelling.game import RelabellingGame  # noqa: E402
from verigap.sim.relabelling.learners import LEARNERS  # noqa: E402
from verigap.sim.relabelling.learners.survivor import TrustsOneSurvivor  # noqa: E402


@dataclass(frozen=True)
class VBTilt(TrustsOneSurvivor):
    """Trusts one consistent reward, and plays the best policy of the expert class for it."""

    name: ClassVar[str] = "vb-tilt"
    title: ClassVar[str] = "VB tilt"

    def policy(self, law: vg.theory.RewardLaw, game: RelabellingGame, leashed: bool) -> jax.Array:
        """Density ratio to the base of the best policy of the expert class."""
        radius = game.leash if leashed else game.class_radius
        return game.ball.expert(law, radius).density_ratio


LEARNERS[VBTilt.name] = VBTilt()
try:
    run = vg.sweep(
        {
            "replicates": 100,
            "learners": ["vb-tilt", "vb-plug-in"],
            "sweeps": [
                {
                    "name": "own-learner",
                    "grid": {"data_budget": [4, 8, 16]},
                    "horizon": 16,
                    "log2_class_size": 8,
                    "law": {"family": "returns", "returns": [[0, 0, 0.25, 0.5, 0.5, 0.75, 1, 1]]},
                }
            ],
        }
    )
finally:
    # Only for the sake of others in the same process, such as the tests that run this file.
    del LEARNERS[VBTilt.name]
print(run.frame.select("data_budget", "learner", "risk").sort("data_budget", "learner"))
