"""What the tight games with random rivals share: a class of 2^d, and how often each rival errs."""

from __future__ import annotations

import math
from abc import abstractmethod
from functools import cached_property
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, field_validator, model_validator

from verigap.sim.tight.game import Returns, TightGame


class RivalGame(TightGame):
    """A truth and 2^d - 1 rivals that err on a share of the draws, each at random places.

    Attributes:
      log2_class_size: d, bits; 2^d is a whole number.
      c0: c, base mass of the traces that the expert plays; one over a whole number.
      rival_error: e, the share of the draws on which a rival errs; "worst" is where the mean risk
        of the game's learner is largest.
    """

    log2_class_size: Annotated[float, Field(gt=0, le=200)] = 1.0
    c0: Annotated[float, Field(gt=0, le=0.5)] = 0.5
    rival_error: Literal["worst"] | Annotated[float, Field(gt=0, lt=1)] = "worst"

    @field_validator("log2_class_size")
    @classmethod
    def _a_whole_class(cls, bits: float) -> float:
        size = 2.0**bits
        if abs(size - round(size)) > 1e-9 * size:
            raise ValueError("the class size 2^d must be a whole number")
        return bits

    @field_validator("c0")
    @classmethod
    def _one_over_a_whole_number(cls, c0: float) -> float:
        if abs(round(1.0 / c0) * c0 - 1.0) > 1e-9:
            raise ValueError("must be one over a whole number: the base plays so many kinds alike")
        return c0

    @property
    def class_bits(self) -> float:
        """d, bits."""
        return self.log2_class_size

    @property
    def rivals(self) -> float:
        """2^d - 1."""
        return 2.0**self.log2_class_size - 1.0

    @property
    def kinds(self) -> int:
        """K = 1/c, the equally likely kinds of base traces."""
        return round(1.0 / self.c0)

    @property
    def returns(self) -> Returns:
        """Worthless traces, and one kind of return H."""
        return ((*[0.0] * (self.kinds - 1), float(self.horizon)),)

    @property
    @abstractmethod
    def most_error(self) -> float:
        """The largest error that a rival may have here."""

    @cached_property
    def error(self) -> float:
        """e, the share of the draws on which each rival errs."""
        return _worst_error(self) if self.rival_error == "worst" else self.rival_error

    @model_validator(mode="after")
    def _room_for_the_errors(self) -> RivalGame:
        if self.most_error <= 0:
            raise ValueError("label_error: leaves no draws on which rivals could err")
        if self.rival_error != "worst" and self.rival_error > self.most_error * (1 + 1e-9):
            raise ValueError(f"rival_error: must be at most {self.most_error:g} here")
        return self


def _worst_error(game: RivalGame) -> float:
    """The rival error at which the mean risk of the game's learner is largest."""
    # Late, as it is slow to import and only playing needs it.
    from scipy import optimize

    n, most = game.data_budget, game.most_error
    # Near the error at which Lemma 5 is attained.
    near = max(1.0 / (n + 1.0), -math.expm1(-math.log(game.rivals) / n))
    grid = np.linspace(math.log(min(0.2 * near, 0.2 * most)), math.log(most), 17)

    def negative_risk(log_error: float) -> float:
        error = min(math.exp(log_error), most)
        (risk,) = game.model_copy(update={"rival_error": error}).exact_risks().values()
        return -risk

    best = int(np.argmin([negative_risk(float(point)) for point in grid]))
    ends = float(grid[max(best - 1, 0)]), float(grid[min(best + 1, grid.size - 1)])
    found = optimize.minimize_scalar(
        negative_risk, bounds=ends, method="bounded", options={"xatol": 1e-4}
    )
    # The search comes near an end, and near the error of Lemma 5, which is exact for one rival.
    candidates = (float(found.x), float(grid[best]), math.log(min(near, most)))
    return min(math.exp(min(candidates, key=negative_risk)), most)
