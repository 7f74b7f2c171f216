"""Rewards that also pay for some worthless traces: trusting one of them pays for its errors.

On every prompt the base plays a success of return H with probability c, and is otherwise worthless.
A rival reward takes a random share e of the base's traces for successes as well. The conditional
policy of a rival spends e/(c + e) of its draws on them, which is nearly e/c, so VB-UPPER-PLUG-IN is
nearly met by a learner that trusts the worst consistent reward of a large class.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np

from verigap.sim.tight.game import Tally
from verigap.sim.tight.rival_game import RivalGame
from verigap.sim.tight.rivals import chance_of_any, kept_rivals


class FalsePositives(RivalGame):
    """Parameters and the learner vb-plug-in, which may trust any consistent reward.

    Under every reward of the class the best return is H, and the base reaches it with probability c
    or more.
    """

    bounds_game: ClassVar[Literal["relabelling", "same-levels", "other"]] = "same-levels"

    game: Literal["false-positives"] = "false-positives"

    @property
    def most_error(self) -> float:
        """All that is worthless."""
        return 1.0 - self.c0

    @property
    def _overlap(self) -> float:
        """Share of the worthless traces that a rival takes for successes."""
        return self.error / (1.0 - self.c0)

    @property
    def _loss(self) -> float:
        """Of the conditional policy of a rival, tokens."""
        return self.horizon * self.error / (self.c0 + self.error)

    def play(self, generator: np.random.Generator, replicates: int) -> dict[str, Tally]:
        """Plug-in, which trusts a rival where one is consistent."""
        telling = generator.binomial(self.data_budget, 1.0 - self.c0, replicates)
        kept = kept_rivals(generator, telling, overlap=self._overlap, rivals=self.rivals)
        return {"vb-plug-in": Tally.of(np.where(kept > 0, self._loss, 0.0))}

    def exact_risks(self) -> dict[str, float]:
        """The loss of a rival, as often as one is consistent."""
        chance = chance_of_any(
            self.data_budget, 1.0 - self.c0, overlap=self._overlap, rivals=self.rivals
        )
        return {"vb-plug-in": self._loss * chance}
