"""Rewards that overrate worthless traces: best-of-N finds them, the more candidates the surer.

On every prompt the base plays a success of return H - 1 with probability c, and is otherwise
worthless. A rival reward gives H to a random share e of the base's traces that are worthless, and
one of them among N candidates is enough: H N e is lost, as much as VB-UPPER-BEST-OF-N allows. The
labels may come from a check that overrates worthless traces itself (VB-UPPER-ERRORS-BEST-OF-N).
"""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from jaxtyping import Float
from pydantic import Field

from verigap.sim.tight.game import Returns, Tally
from verigap.sim.tight.rival_game import RivalGame
from verigap.sim.tight.rivals import chance_of_any, kept_rivals


class RewardHacking(RivalGame):
    """Parameters and the learner vb-best-of-n, which may trust any consistent reward.

    Attributes:
      num_candidates: N.
      label_error: eta, base mass of worthless traces that the check always overrates.
    """

    game: Literal["reward-hacking"] = "reward-hacking"
    num_candidates: Annotated[int, Field(ge=1, le=1 << 20)] = 8
    label_error: Annotated[float, Field(ge=0, lt=1)] = 0.0

    @property
    def returns(self) -> Returns:
        """Worthless traces, and successes of return H - 1."""
        return ((*[0.0] * (self.kinds - 1), self.horizon - 1.0),)

    @property
    def label_errors(self) -> float:
        """eta."""
        return self.label_error

    @property
    def draws_of_best(self) -> int:
        """N."""
        return self.num_candidates

    @property
    def most_error(self) -> float:
        """All worthless traces that the check does not overrate."""
        return 1.0 - self.c0 - self.label_error

    @property
    def _overlap(self) -> float:
        """Share of those that a rival overrates."""
        return self.error / self.most_error

    def _risk(self, overrated: Float[np.ndarray, " plays"]) -> Float[np.ndarray, " plays"]:
        """Loss where base traces of this mass are overrated: one of N draws is, or none succeeds.

        What is earned takes a success among the draws, and no overrated trace.
        """
        n = self.num_candidates
        earned = (1.0 - overrated) ** n - np.maximum(1.0 - overrated - self.c0, 0.0) ** n
        return (self.horizon - 1.0) * (1.0 - earned)

    def play(self, generator: np.random.Generator, replicates: int) -> dict[str, Tally]:
        """Best-of-N with a rival's reward where one is consistent."""
        telling = generator.binomial(self.data_budget, self.most_error, replicates)
        kept = kept_rivals(generator, telling, overlap=self._overlap, rivals=self.rivals)
        overrated = self.label_error + np.where(kept > 0, self.error, 0.0)
        return {"vb-best-of-n": Tally.of(self._risk(overrated))}

    def exact_risks(self) -> dict[str, float]:
        """The two losses, by the chance that a rival is consistent."""
        chance = chance_of_any(
            self.data_budget, self.most_error, overlap=self._overlap, rivals=self.rivals
        )
        without, rival = self._risk(np.asarray([0.0, self.error]) + self.label_error)
        return {"vb-best-of-n": float(without + chance * (rival - without))}
