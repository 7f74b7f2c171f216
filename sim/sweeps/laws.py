"""Reward laws as a sweep configuration writes them, and the atoms a game is played on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

import numpy as np
from jaxtyping import Float
from pydantic import BaseModel, ConfigDict, Field, model_validator

from verigap.sim.sweeps.law_table import LawTable, read_law_table
from verigap.storage.units import LengthUnit

if TYPE_CHECKING:
    from verigap.theory import RewardLaw

Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]

# Largest budget of a law that lists every return: two gigabytes while it is quantised.
_MOST_LISTED = 1 << 22


class Atoms(NamedTuple):
    """Equiprobable returns of every prompt, and how far they are from the law they stand for.

    Attributes:
      returns: shape (prompts, K), ascending rows, in `unit`.
      error: largest Wasserstein-1 distance over prompts, in `unit`.
      sd_share: quantised over original sd, root mean square over prompts; 1 where nothing is lost.
      unit: what the budget and the returns count: that of a law table, tokens for a formula.
    """

    returns: Float[np.ndarray, "prompts K"]
    error: float
    sd_share: float
    unit: LengthUnit = LengthUnit.TOKENS


class _Spec(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    def check(self, horizon: int) -> None:
        """Raise a ValueError if there is no such law at a budget of `horizon` tokens."""

    def atoms(self, horizon: int, count: int, folder: Path) -> Atoms:
        """Atoms at a budget of `horizon` tokens, `count` a prompt where the law is quantised."""
        raise TypeError("a law specification must define its atoms")


def _quantised(support: np.ndarray, probabilities: np.ndarray, count: int) -> Atoms:
    from verigap.theory import RewardLaw, equiprobable_atoms

    checked = RewardLaw.checked(support, np.atleast_2d(probabilities))
    law = checked.in_numpy()
    quantised, error = equiprobable_atoms(law, count)
    before = float(np.mean(law.variance))
    after = float(np.mean(quantised.variance))
    share = (after / before) ** 0.5 if before > 0 else 1.0
    return Atoms(np.asarray(quantised.support, np.float64), float(np.max(error)), share)


class TwoLevelSpec(_Spec):
    """Returns mean - sd and mean + sd, given as shares of the horizon."""

    family: Literal["two-level"]
    mean: Share = 0.5
    sd: Share = 0.5

    @model_validator(mode="after")
    def _inside(self) -> TwoLevelSpec:
        if self.sd > min(self.mean, 1 - self.mean) + 1e-12:
            raise ValueError(
                f"two-level law: mean {self.mean:g} - sd {self.sd:g} and mean + sd must lie in "
                "[0, 1] (shares of the horizon)"
            )
        return self

    def atoms(self, horizon: int, count: int, folder: Path) -> Atoms:
        """Exact: two atoms, whatever `count`."""
        levels = np.clip([self.mean - self.sd, self.mean + self.sd], 0.0, 1.0)
        return Atoms(horizon * levels[None, :], 0.0, 1.0)


class ReturnsSpec(_Spec):
    """Equally likely returns as shares of the horizon; several rows make several prompts."""

    family: Literal["returns"]
    returns: Annotated[list[list[Share]], Field(min_length=1)]

    @model_validator(mode="after")
    def _rectangular(self) -> ReturnsSpec:
        if len({len(row) for row in self.returns}) != 1 or len(self.returns[0]) < 2:
            raise ValueError("returns: every prompt needs the same number of returns, at least 2")
        return self

    def atoms(self, horizon: int, count: int, folder: Path) -> Atoms:
        """Exact, as written."""
        return Atoms(horizon * np.sort(np.asarray(self.returns, np.float64), axis=1), 0.0, 1.0)


class _HittingTimeSpec(_Spec):
    def law(self, horizon: int) -> RewardLaw:
        """On the returns 0 to `horizon`."""
        raise TypeError("a law of hitting times must define itself")

    def check(self, horizon: int) -> None:
        """Raise a ValueError if there are too many returns to list."""
        if horizon > _MOST_LISTED:
            raise ValueError(
                f"horizon: {horizon} is too large for a law of hitting times, which lists every "
                f"return; give at most {_MOST_LISTED}, or another law"
            )

    def atoms(self, horizon: int, count: int, folder: Path) -> Atoms:
        """Quantised to `count` atoms."""
        self.check(horizon)
        law = self.law(horizon)
        return _quantised(np.asarray(law.support), np.asarray(law.probabilities), count)


class GeometricSpec(_HittingTimeSpec):
    """Every token hits with probability `rate`."""

    family: Literal["geometric"]
    rate: Annotated[float, Field(gt=0, le=1)]

    def law(self, horizon: int) -> RewardLaw:
        """On the returns 0 to `horizon`."""
        from verigap.theory import families
        from verigap.theory.arrays import host_array

        return families.geometric_hitting_time(host_array(self.rate), horizon)


class BetaGeometricSpec(_HittingTimeSpec):
    """Geometric hitting times whose rate is Beta(alpha, beta) from trace to trace."""

    family: Literal["beta-geometric"]
    alpha: Positive
    beta: Positive

    def law(self, horizon: int) -> RewardLaw:
        """On the returns 0 to `horizon`."""
        from verigap.theory import families
        from verigap.theory.arrays import host_array

        return families.beta_geometric_hitting_time(
            host_array(self.alpha), host_array(self.beta), horizon
        )


class NegativeBinomialSpec(_HittingTimeSpec):
    """Correct once `steps` token successes of probability `rate` have come."""

    family: Literal["negative-binomial"]
    steps: Positive
    rate: Annotated[float, Field(gt=0, lt=1)]

    def law(self, horizon: int) -> RewardLaw:
        """On the returns 0 to `horizon`."""
        from verigap.theory import families
        from verigap.theory.arrays import host_array

        return families.negative_binomial_hitting_time(
            host_array(self.steps), host_array(self.rate), horizon
        )


class TableSpec(_Spec):
    """Measured laws of every prompt of one (dataset, model) of a law table.

    `table` is a path relative to the configuration file.
    """

    family: Literal["table"]
    table: str
    dataset: str | None = None
    model: str | None = None

    def read(self, folder: Path) -> LawTable:
        """The law table, validated."""
        return read_law_table(folder / self.table)

    def atoms(self, horizon: int, count: int, folder: Path) -> Atoms:
        """Quantised to `count` atoms a prompt."""
        laws = self.read(folder).select(horizon, dataset=self.dataset, model=self.model)
        return _quantised(laws.support, laws.probabilities, count)._replace(unit=laws.unit)


LawSpec = Annotated[
    TwoLevelSpec
    | ReturnsSpec
    | GeometricSpec
    | BetaGeometricSpec
    | NegativeBinomialSpec
    | TableSpec,
    Field(discriminator="family"),
]
