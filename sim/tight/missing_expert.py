"""A sure expert whom every policy of the class misses, for VF-UPPER-MISSPECIFIED.

On every prompt the expert plays one trace, which earns H. The best member of the class plays it
with probability 1 / (1 + chi^2), a rival as well, but never on a random share e of the prompts. n
expert traces leave a rival as likely as the best member where they touch none of its prompts. Many
traces cannot help: the best member loses H chi^2 / (1 + chi^2), and the bound tends to that.
"""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from verigap.sim.tight.game import Tally
from verigap.sim.tight.rival_game import RivalGame
from verigap.sim.tight.rivals import chance_of_any


class MissingExpert(RivalGame):
    """Parameters and the learner vf-mle, which may play any policy of the largest likelihood.

    The base plays the good trace with probability c, which says nothing to a cloning learner.

    Attributes:
      misspecification: chi^2, the divergence of the expert from the best member.
    """

    game: Literal["missing-expert"] = "missing-expert"
    misspecification: Annotated[float, Field(gt=0, le=1e6)]

    @property
    def missed_expert(self) -> float:
        """chi^2."""
        return self.misspecification

    @property
    def most_error(self) -> float:
        """On every prompt."""
        return 1.0

    @property
    def _losses(self) -> tuple[float, float]:
        """Of the best member and of a rival, tokens."""
        plays = 1.0 / (1.0 + self.misspecification)
        return self.horizon * (1.0 - plays), self.horizon * (1.0 - plays * (1.0 - self.error))

    @property
    def _chance(self) -> float:
        return chance_of_any(self.data_budget, 1.0, overlap=self.error, rivals=self.rivals)

    def play(self, generator: np.random.Generator, replicates: int) -> dict[str, Tally]:
        """VF-MLE, with ties broken against it."""
        best, rival = self._losses
        tied = generator.random(replicates) < self._chance
        return {"vf-mle": Tally.of(np.where(tied, rival, best))}

    def exact_risks(self) -> dict[str, float]:
        """The two losses, by the chance that a rival is as likely as the best member."""
        best, rival = self._losses
        return {"vf-mle": best + self._chance * (rival - best)}
