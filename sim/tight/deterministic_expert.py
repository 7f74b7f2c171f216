"""A deterministic expert among random clones, where VF-UPPER is nearly met with few traces.

On every prompt the expert plays one trace, which earns H; a rival plays a worthless one on a random
share e of the prompts. n expert traces leave a rival as likely as the expert where they touch none
of its prompts, which has probability (1 - e)^n, independently of the other rivals.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from verigap.sim.tight.game import Tally
from verigap.sim.tight.rival_game import RivalGame
from verigap.sim.tight.rivals import chance_of_any


class DeterministicExpert(RivalGame):
    """Parameters and the learner vf-mle, which may play any policy of the largest likelihood.

    The base plays the good trace with probability c, which says nothing to a cloning learner.
    """

    game: Literal["deterministic-expert"] = "deterministic-expert"

    @property
    def most_error(self) -> float:
        """On every prompt."""
        return 1.0

    @property
    def _chance(self) -> float:
        return chance_of_any(self.data_budget, 1.0, overlap=self.error, rivals=self.rivals)

    def play(self, generator: np.random.Generator, replicates: int) -> dict[str, Tally]:
        """VF-MLE, with ties broken against it."""
        tied = generator.random(replicates) < self._chance
        return {"vf-mle": Tally.of(np.where(tied, self.error * self.horizon, 0.0))}

    def exact_risks(self) -> dict[str, float]:
        """e H P(a rival is as likely as the expert)."""
        return {"vf-mle": self.error * self.horizon * self._chance}
