"""Where the gap crosses what is worth caring about: n*(H) and H*(n).

A gap is worth it above a margin, a tenth of what the expert adds to the base at that budget.
n*(H) is the fewest traces from which on it is not: cloning has caught up. H*(n) is the smallest
budget from which on it is: verification has begun to pay.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float

from verigap.llm_validation.intervals import LEVEL, Statistic

MARGIN = 0.1
"""Of J_expert - J_base."""

_NO_GAIN = 1e-9


@dataclass(frozen=True, kw_only=True)
class Crossover:
    """Where a curve on a grid comes to one side of a line and stays there.

    Attributes:
      kind: "at" where it crosses within the grid; "everywhere" where it is on that side at every
        point of the grid, "nowhere" where it ends on the other side; "unknown" where there is no
        curve, or its 95 % interval reaches from everywhere to nowhere.
      at: the place with its interval where the kind is "at", else None. An end of the interval is 0
        where replicates are on that side everywhere, infinite where they are nowhere.

    Example:
      >>> Crossover(kind="nowhere")
      Crossover(kind='nowhere', at=None)
    """

    kind: Literal["at", "everywhere", "nowhere", "unknown"]
    at: Statistic | None = None

    def __post_init__(self) -> None:
        if (self.kind == "at") != (self.at is not None):
            raise ValueError("at: a place is given if and only if the kind is 'at'")


def last_crossing(
    at: Sequence[float], height: Float[np.ndarray, "B X"], *, rising: bool
) -> Float[np.ndarray, " B"]:
    """Where each row crosses 0 for good, by linear interpolation in the logarithm of `at`.

    Args:
      at: ascending and positive, X of them.
      height: of each row.
      rising: whether the row is to end above 0, or at or below it.

    Returns:
      The last crossing; 0 for a row that is on the wanted side everywhere, infinity for one that
      ends on the other side.
    """
    wanted = height > 0 if rising else height <= 0
    log_at = np.log(np.asarray(at, float))
    size = log_at.size
    # The last place on the other side.
    other = size - 1 - np.argmax(~wanted[:, ::-1], axis=1)
    never, always = ~wanted[:, -1], wanted.all(axis=1)
    before = np.minimum(other, size - 2) if size > 1 else np.zeros_like(other)
    after = np.minimum(before + 1, size - 1)
    rows = np.arange(height.shape[0])
    first, second = height[rows, before], height[rows, after]
    step = np.where(first == second, 1.0, first - second)
    share = np.clip(first / step, 0.0, 1.0)
    found = np.exp(log_at[before] + share * (log_at[after] - log_at[before]))
    return np.where(never, np.inf, np.where(always, 0.0, found))


def crossing(at: Sequence[float], height: Float[np.ndarray, "B X"], *, rising: bool) -> Crossover:
    """The last crossing of the estimate with the percentile interval of its replicates.

    Args:
      at: the grid, ascending and positive, X of them.
      height: of the curve over the line, the estimate in row 0 and a replicate in each other row.
      rising: whether the curve is to end above the line, or at or below it.

    Example:
      >>> import numpy as np
      >>> round(float(crossing([16, 64], np.array([[1.0, -1.0]]), rising=False).at.estimate), 6)
      32.0
      >>> crossing([16, 64], np.array([[1.0, 2.0]]), rising=True).kind
      'everywhere'
    """
    if not np.isfinite(height).all():
        return Crossover(kind="unknown")
    found = last_crossing(at, height, rising=rising)
    low = high = np.nan
    if found.size > 1:
        tails = [(1 - LEVEL) / 2, (1 + LEVEL) / 2]
        low, high = np.quantile(found[1:], tails, method="inverted_cdf")
    if low == 0 and high == np.inf:
        return Crossover(kind="unknown")
    if found[0] == 0:
        return Crossover(kind="everywhere")
    if found[0] == np.inf:
        return Crossover(kind="nowhere")
    return Crossover(kind="at", at=Statistic(found[0], low, high))


def crossovers(
    horizons: Sequence[int],
    data_budgets: Sequence[int],
    gap: Float[np.ndarray, "B horizons data_budgets"],
    worth: Float[np.ndarray, "B horizons"],
) -> tuple[dict[int, Crossover], dict[int, Crossover]]:
    """n*(H) by horizon and H*(n) by n.

    Args:
      horizons: H of the grid, ascending.
      data_budgets: n of the grid, ascending.
      gap: J_VB - J_VF (tokens), the estimate in row 0.
      worth: J_expert - J_base (tokens). Where the expert adds nothing there is nothing that a gap
        could be compared with, and the crossover is unknown.
    """
    height = gap - MARGIN * worth[:, :, None]
    gains = worth[0] > _NO_GAIN * np.asarray(horizons, float)
    unknown = Crossover(kind="unknown")
    by_horizon = {
        horizon: crossing(data_budgets, height[:, index], rising=False) if gains[index] else unknown
        for index, horizon in enumerate(horizons)
    }
    by_data_budget = {
        n: crossing(horizons, height[:, :, index], rising=True) if gains.any() else unknown
        for index, n in enumerate(data_budgets)
    }
    return by_horizon, by_data_budget
