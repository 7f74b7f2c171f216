"""Where the gap crosses what is worth caring about: n*(H) and H*(n).

A gap is worth it above a margin, a tenth of what the expert adds to the base at that budget.
n*(H) is the fewest traces from which on it is not: cloning has caught up. H*(n) is the smallest
budget from which on it is: verification has begun to pay.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from verigap.llm_validation.intervals import LEVEL, Statistic

MARGIN = 0.1
"""Of J_expert - J_base."""


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


def crossing(
    at: Sequence[float], height: Float[np.ndarray, "B X"], *, rising: bool
) -> Statistic | None:
    """The last crossing of the estimate (row 0) with the percentile interval of the other rows.

    None where the estimate does not cross within the grid. An end of the interval is 0 or infinite
    where the replicates there do not cross either.
    """
    found = last_crossing(at, height, rising=rising)
    if not 0 < found[0] < np.inf:
        return None
    if found.size < 2:
        return Statistic(float(found[0]), float("nan"), float("nan"))
    tails = [(1 - LEVEL) / 2, (1 + LEVEL) / 2]
    low, high = np.quantile(found[1:], tails, method="inverted_cdf")
    return Statistic(float(found[0]), float(low), float(high))


def crossovers(
    horizons: Sequence[int],
    data_budgets: Sequence[int],
    gap: Float[np.ndarray, "B horizons data_budgets"],
    worth: Float[np.ndarray, "B horizons"],
) -> tuple[dict[int, Statistic | None], dict[int, Statistic | None]]:
    """n*(H) by horizon and H*(n) by n.

    Args:
      horizons: H of the grid, ascending.
      data_budgets: n of the grid, ascending.
      gap: J_VB - J_VF (tokens), the estimate in row 0.
      worth: J_expert - J_base (tokens).
    """
    height = gap - MARGIN * worth[:, :, None]
    by_horizon = {
        horizon: crossing(data_budgets, height[:, index], rising=False)
        for index, horizon in enumerate(horizons)
    }
    by_data_budget = {
        n: crossing(horizons, height[:, :, index], rising=True)
        for index, n in enumerate(data_budgets)
    }
    return by_horizon, by_data_budget
