"""Two hypotheses: a fair expert and one rival that is slightly worse, where VF-UPPER is nearly met.

Either policy plays a trace of return 0 or one of return H; the expert is fair, the rival plays the
good one with probability 1/2 - z. The likelihood of n expert traces depends on the number of good
ones alone, so the rival wins where these are too few, and log-loss cloning loses z H.
Proof that the ratio tends to 1: docs/theory.md#vf-upper.
"""

from __future__ import annotations

import math
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field
from scipy import special

from verigap.sim.tight.game import Returns, Tally, TightGame


class TwoHypotheses(TightGame):
    """Parameters and the learner vf-mle, which is told the two policies.

    Attributes:
      rival_gap: z, how much less the rival earns than the expert, as a share of H.
    """

    # Data sets in which the rival wins are counted, not played, so there may be very many.
    most_replicates: ClassVar[int] = 10**15

    game: Literal["two-hypotheses"] = "two-hypotheses"
    rival_gap: Annotated[float, Field(gt=0, lt=0.5)]

    @property
    def class_bits(self) -> float:
        """One bit."""
        return 1.0

    @property
    def returns(self) -> Returns:
        """A bad and a good trace."""
        return ((0.0, float(self.horizon)),)

    @property
    def expert_radius(self) -> float:
        """The expert is the base."""
        return 0.0

    @property
    def expert_value(self) -> float:
        """Of a fair coin for H, tokens."""
        return 0.5 * self.horizon

    @property
    def most_good(self) -> int:
        """With so many good traces or fewer the rival is at least as likely as the expert."""
        up, down = math.log1p(2.0 * self.rival_gap), math.log1p(-2.0 * self.rival_gap)
        return math.floor(self.data_budget * up / (up - down) + 1e-12)

    @property
    def chance_wrong(self) -> float:
        """P(the rival is a maximiser of the likelihood)."""
        return float(special.bdtr(self.most_good, self.data_budget, 0.5))

    def play(self, generator: np.random.Generator, replicates: int) -> dict[str, Tally]:
        """VF-MLE, with ties broken against it: any maximiser is log-loss cloning.

        Of independent data sets the number in which the rival wins is binomial, and drawn at once.
        """
        wrong = float(generator.binomial(replicates, self.chance_wrong))
        loss = self.rival_gap * self.horizon
        return {"vf-mle": Tally(np.asarray([0.0, loss]), np.asarray([replicates - wrong, wrong]))}

    def exact_risks(self) -> dict[str, float]:
        """z H P(the rival wins)."""
        return {"vf-mle": self.rival_gap * self.horizon * self.chance_wrong}
