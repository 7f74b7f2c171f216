"""A game whose labels tell nothing, so that pessimism loses all."""

from __future__ import annotations

from typing import Literal

import numpy as np

from verigap.sim.tight.game import Returns, Tally, TightGame


class SilentPrompts(TightGame):
    """Labels say nothing, so pessimism may avoid the one trace that pays."""

    game: Literal["silent-prompts"] = "silent-prompts"

    @property
    def name(self) -> str:
        """Its name in configurations."""
        return self.game

    @property
    def class_bits(self) -> float:
        """Two rewards."""
        return 1.0

    @property
    def returns(self) -> Returns:
        """A worthless trace, and one that pays."""
        return ((0.0, float(self.horizon)),)

    def play(self, generator: np.random.Generator, replicates: int) -> dict[str, Tally]:
        """Nothing is learned from any data set."""
        return {"vb-pessimism": Tally.of(np.full(replicates, float(self.horizon)))}

    def exact_risks(self) -> dict[str, float]:
        """All of H."""
        return {"vb-pessimism": float(self.horizon)}
