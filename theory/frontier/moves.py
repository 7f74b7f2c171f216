"""What would move a verdict: for one parameter, the nearest place at which another side leads."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from verigap.theory.frontier.crossings import solve_crossings, whole_crossing

Side = Literal["cloning", "verifying", "neither"]
"""Who leads by more than a margin."""

IN_WORDS = {
    "data_budget": "traces n",
    "horizon": "budget H",
    "expert_sd": "heterogeneity sigma_e",
    "coverage": "coverage c0",
    "class_radius": "leash kappa",
    "log2_class_size": "class size d (bits)",
}
"""What each parameter is called in tables and reports."""

MOST = 64.0
"""Largest factor by which a parameter is moved, up or down."""

_STEP = 1e-4


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """A quantity that a verdict depends on, and the lead at every value of it.

    Attributes:
      name: as signatures spell it.
      value: now, above 0.
      lead: of verifying over cloning at a value, all else as it is.
      low, high: values that make sense, above 0; they hold `value`.
      whole: whether only whole numbers make sense.
    """

    name: str
    value: float
    lead: Callable[[float], float]
    low: float = 0.0
    high: float = math.inf
    whole: bool = False


@dataclass(frozen=True, kw_only=True)
class Move:
    """What one parameter can do to a verdict, all else as it is.

    Attributes:
      parameter: its name.
      value: now.
      at: the nearest value, by its factor, at which the verdict changes; None where none was found
        between `searched`. Of a whole number the first one on the other side.
      becomes: who leads beyond `at`; None where there is none.
      converged: whether the root was found to its tolerance; true where there is none to find.
      searched: smallest and largest value that were looked at.
      halved, doubled: leads at half and at twice the value; NaN where that makes no sense.
      elasticity: derivative of the lead by the logarithm of the parameter, by central differences;
        of whole numbers between the two neighbours; NaN where there are none.
    """

    parameter: str
    value: float
    at: float | None
    becomes: Side | None
    converged: bool
    searched: tuple[float, float]
    halved: float
    doubled: float
    elasticity: float

    @property
    def factor(self) -> float | None:
        """By what the parameter must be multiplied; None where no value moves the verdict."""
        return None if self.at is None else self.at / self.value


def side_of(lead: float, margin: float) -> Side:
    """Who leads by more than a margin.

    Example:
      >>> side_of(0.2, 0.01), side_of(-0.2, 0.01), side_of(0.0, 0.01)
      ('verifying', 'cloning', 'neither')
    """
    if lead > margin:
        return "verifying"
    return "cloning" if lead < -margin else "neither"


def nearest_move(parameter: Parameter, margin: float, most: float = MOST) -> Move:
    """The smallest change of a parameter that gives the lead to the other side.

    Where no change does, the smallest that leaves neither side ahead by more than the margin.

    Args:
      parameter: that is moved.
      margin: of a lead that counts, at least 0.
      most: largest factor, up or down, above 1.

    Example:
      >>> import math
      >>> move = nearest_move(Parameter(name="x", value=2.0, lead=lambda x: math.log(x / 10)), 0.0)
      >>> round(move.at, 6), round(move.factor, 6), move.becomes
      (10.0, 5.0, 'verifying')
    """
    value, now = parameter.value, parameter.lead(parameter.value)
    low, high = _range(parameter, most)
    here = side_of(now, margin)
    levels = _LEVELS[here][: 1 if margin == 0.0 and here != "neither" else 2]
    found: list[_Found] = [
        (abs(math.log(at / value)), at, becomes, converged)
        for share, becomes in levels
        for end in (low, high)
        if end != value
        for at, converged in _crossing(parameter, end, share * margin)
    ]
    if here != "neither":
        # The other side's lead is a larger change than no lead, and is said where there is one.
        found = [each for each in found if each[2] == levels[0][1]] or found
    _, at, becomes, converged = min(found, default=_NOWHERE)
    return Move(
        parameter=parameter.name,
        value=value,
        at=at,
        becomes=becomes,
        converged=converged,
        searched=(low, high),
        halved=_lead_at(parameter, value / 2),
        doubled=_lead_at(parameter, value * 2),
        elasticity=_elasticity(parameter, low, high),
    )


# What is crossed on the way to another side, in margins; the other side's lead before none.
_LEVELS: Mapping[Side, Sequence[tuple[float, Side]]] = {
    "verifying": ((-1.0, "cloning"), (1.0, "neither")),
    "cloning": ((1.0, "verifying"), (-1.0, "neither")),
    "neither": ((1.0, "verifying"), (-1.0, "cloning")),
}
_Found = tuple[float, float | None, Side | None, bool]
_NOWHERE: _Found = (0.0, None, None, True)


def _range(parameter: Parameter, most: float) -> tuple[float, float]:
    """Smallest and largest value to look at."""
    low = max(parameter.low, parameter.value / most)
    high = min(parameter.high, parameter.value * most)
    if parameter.whole:
        return float(max(math.ceil(low), 1)), float(math.floor(high))
    return low, high


def _crossing(parameter: Parameter, end: float, level: float) -> list[tuple[float, bool]]:
    """The first crossing from the value towards an end, with whether it converged; or none."""
    if parameter.whole:
        at = whole_crossing(parameter.lead, int(parameter.value), int(end), level=level)
        return [] if at is None else [(float(at), True)]

    def lead(places: np.ndarray, _: np.ndarray) -> np.ndarray:
        return np.asarray([parameter.lead(float(place)) for place in places])

    found = solve_crossings(lead, parameter.value, end, level=level)
    return [(float(found.at[0]), bool(found.converged[0]))] if found.crosses[0] else []


def _lead_at(parameter: Parameter, value: float) -> float:
    """The lead at a value, NaN where it makes no sense."""
    if parameter.whole and value != int(value):
        return math.nan
    return parameter.lead(value) if parameter.low <= value <= parameter.high else math.nan


def _elasticity(parameter: Parameter, low: float, high: float) -> float:
    """Derivative of the lead by the logarithm of the parameter; NaN at an end of the range."""
    value = parameter.value
    before, after = value / (1 + _STEP), value * (1 + _STEP)
    if parameter.whole:
        before, after = value - 1, value + 1
    if before < low or after > high:
        return math.nan
    return (parameter.lead(after) - parameter.lead(before)) / math.log(after / before)
