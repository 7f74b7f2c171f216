"""Checks of arguments that several entry points share."""

from __future__ import annotations

import operator
from collections.abc import Iterable

from verigap.storage.tables import TableError

MOST_DATA = 10**6


def checked_data(data: Iterable[int]) -> tuple[int, ...]:
    """The n in ascending order.

    Raises:
      TableError: there are none, one is out of range, or one comes twice.
    """
    amounts = tuple(sorted(whole(n, "data", 1, MOST_DATA) for n in data))
    if not amounts or len(set(amounts)) < len(amounts):
        raise TableError("data: give distinct numbers, at least one")
    return amounts


# Returns and first-correct indices are 32-bit in `theory`, whose largest value means "never".
LARGEST_BUDGET = 2**31 - 2


def checked_budgets(budgets: Iterable[int]) -> list[int]:
    """The budgets in ascending order.

    Raises:
      TableError: there are none, one is not a positive whole number, or one comes twice.
    """
    checked: list[int] = []
    for budget in budgets:
        try:
            horizon = operator.index(budget)
        except TypeError:
            horizon = 0
        if isinstance(budget, bool) or not 1 <= horizon <= LARGEST_BUDGET:
            raise TableError(
                f"horizons: {budget!r} is no budget; give whole numbers from 1 to {LARGEST_BUDGET}"
            )
        if horizon in checked:
            raise TableError(f"horizons: {horizon} comes twice; give each budget once")
        checked.append(horizon)
    if not checked:
        raise TableError("horizons: there are none; give at least one")
    return sorted(checked)


def whole(value: int, name: str, low: int, high: int) -> int:
    """The same number, or `TableError` where it is not a whole number within the limits."""
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise TableError(f"{name}: {value!r} is out of range; give whole numbers {low} to {high}")
    return value
