"""Rewards that deny success on some prompts: pessimism avoids what may be worthless.

On every prompt the base plays a success of return H with probability c, and is otherwise worthless.
A rival reward says that all is worthless on a random share of the prompts. If it is kept, nothing
that is played there counts in the worst case, so that pessimism may as well avoid successes. With
one rival VB-UPPER-EXPECTATION is attained (Lemma 5), and so are VB-UPPER and VB-UPPER-SQUARED where
delta is the chance that it is kept.

The labels may come from a check that denies success on prompts of its own, always, so that the
truth is not in the class (VB-UPPER-ERRORS); or each may be wrong by chance (VB-UPPER-NOISE).
Proofs: docs/theory.md#vb-upper-expectation and #vb-upper-errors.
"""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from jaxtyping import Float
from pydantic import Field, model_validator

from verigap.sim.tight.game import Tally
from verigap.sim.tight.rival_game import RivalGame
from verigap.sim.tight.rivals import kept_rivals, mean_power


class FalseNegatives(RivalGame):
    """Parameters and the learner vb-pessimism, which avoids successes wherever it may.

    It is pessimistic over the rewards that miss fewest labels: without label noise the version
    space, with it the empirical risk minimisers.

    Attributes:
      label_error: eta, base mass of successes that the check always denies.
      label_noise: f, chance that the label of a success denies it, and that any other label is
        wrong, anew for each label.
    """

    game: Literal["false-negatives"] = "false-negatives"
    label_error: Annotated[float, Field(ge=0, le=0.5)] = 0.0
    label_noise: Annotated[float, Field(ge=0, lt=0.5)] = 0.0

    @model_validator(mode="after")
    def _consistent(self) -> FalseNegatives:
        if self.label_error and self.label_noise:
            raise ValueError(
                "label_noise: no bound speaks of labels that err always and by chance; give one"
            )
        if self.label_noise and self.data_budget > 1000:
            raise ValueError("label_noise: needs a data_budget of at most 1000")
        return self

    @property
    def label_errors(self) -> float:
        """eta."""
        return self.label_error

    @property
    def label_flips(self) -> float:
        """f."""
        return self.label_noise

    @property
    def most_error(self) -> float:
        """Where a rival denies all that the check does not: c - eta."""
        return self.c0 - self.label_error

    @property
    def _telling(self) -> float:
        """Chance that a base trace is a success that the check does not deny."""
        return self.c0 - self.label_error

    @property
    def _overlap(self) -> float:
        """Share of the prompts that the check leaves on which a rival denies success."""
        return min(self.error / self._telling, 1.0)

    def _risk(
        self, share: Float[np.ndarray, " plays"] | float
    ) -> Float[np.ndarray, " plays"] | float:
        """Loss, given the share of the prompts that the check leaves on which all kept rivals deny.

        Kept rivals are alike, so the worst of them is best served by what is best on their average:
        successes wherever one of them affirms success, and anything where all deny it.
        """
        denied = self.label_error / self.c0
        return self.horizon * (denied + (1.0 - denied) * share)

    def play(self, generator: np.random.Generator, replicates: int) -> dict[str, Tally]:
        """Pessimism over the kept rewards."""
        telling = generator.binomial(self.data_budget, self._telling, replicates)
        kept = kept_rivals(
            generator, telling, overlap=self._overlap, rivals=self.rivals, noise=self.label_noise
        )
        share = np.where(kept > 0, self._overlap ** kept.astype(float), 0.0)
        return {"vb-pessimism": Tally.of(np.asarray(self._risk(share)))}

    def exact_risks(self) -> dict[str, float]:
        """From E[overlap^S; S >= 1]."""
        share = mean_power(
            self.data_budget, self._telling,
            overlap=self._overlap, rivals=self.rivals, noise=self.label_noise,
        )  # fmt: skip
        return {"vb-pessimism": float(self._risk(share))}
