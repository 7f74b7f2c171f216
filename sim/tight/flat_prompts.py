"""The relabelling game where almost half of the prompts are flat, for VF-LOWER-MEDIAN.

On k flat prompts every trace is worthless; on k + 1 others one of two traces earns H, and a
codeword says which. So the median heterogeneity is nearly twice the mean, which is all that
VF-LOWER-MEDIAN gives away against VF-LOWER. The expert plays the good trace: a demonstration on a
prompt that is not flat rules out a wrong codeword with probability 1/2, and a learner that still
has S of them is right with probability 1/(S + 1).
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import numpy as np
from jaxtyping import Float
from pydantic import Field

from verigap.sim.tight.game import Returns, Tally, TightGame
from verigap.sim.tight.rivals import binomial_pmf


class FlatPrompts(TightGame):
    """Parameters and the learner vf-mle, which breaks ties at random.

    Attributes:
      log2_class_size: d, bits, of 2^d codewords, whole.
      flat_prompts: k; there are k + 1 others, all equally likely.
    """

    bounds_game: ClassVar[Literal["relabelling", "same-levels", "other"]] = "relabelling"

    game: Literal["flat-prompts"] = "flat-prompts"
    data_budget: Annotated[int, Field(ge=1, le=1000)]
    log2_class_size: Annotated[int, Field(ge=1, le=200)]
    flat_prompts: Annotated[int, Field(ge=0, le=1000)] = 50

    @property
    def class_bits(self) -> float:
        """d, bits."""
        return float(self.log2_class_size)

    @property
    def returns(self) -> Returns:
        """A bad and a good trace, and two that are both worthless."""
        others = self.flat_prompts + 1
        return (*[(0.0, float(self.horizon))] * others, *[(0.0, 0.0)] * self.flat_prompts)

    @property
    def _telling(self) -> float:
        """Share of the prompts that are not flat."""
        return (self.flat_prompts + 1.0) / (2.0 * self.flat_prompts + 1.0)

    @property
    def _loss(self) -> float:
        """What the expert earns over the base, and a wrong codeword does not, tokens."""
        return 0.5 * self.horizon * self._telling

    def play(self, generator: np.random.Generator, replicates: int) -> dict[str, Tally]:
        """VF-MLE: one of the codewords that all demonstrations agree with."""
        telling = generator.binomial(self.data_budget, self._telling, replicates)
        right = generator.random(replicates) < self._chance_right[telling]
        return {"vf-mle": Tally.of(np.where(right, 0.0, self._loss))}

    def exact_risks(self) -> dict[str, float]:
        """The loss, as often as another codeword is picked."""
        right = binomial_pmf(self.data_budget, self._telling) @ self._chance_right
        return {"vf-mle": self._loss * (1.0 - float(right))}

    @property
    def _chance_right(self) -> Float[np.ndarray, " telling"]:
        """E[1/(S + 1)] = (1 - (1 - q)^M)/(M q) after 0, 1, ... telling demonstrations.

        S of the M - 1 wrong codewords agree with them, each with probability q = 2^-demonstrations.
        """
        size, agree = 2.0**self.log2_class_size, 0.5 ** np.arange(self.data_budget + 1.0)
        with np.errstate(divide="ignore"):
            return -np.expm1(size * np.log1p(-agree)) / (size * agree)
