"""Checks of arguments that several entry points share."""

from __future__ import annotations

import operator
from collections.abc import Iterable

from verigap.storage.tables import TableError

LARGEST_DATA_BUDGET = 10**6


def listed(values: Iterable[int], name: str) -> Iterable[int]:
    """The same values, or `TableError` where they are one number or text and no list."""
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise TableError(f"{name}: {values!r} is no list; give whole numbers in a list")
    return values


def checked_data_budgets(data_budgets: Iterable[int]) -> tuple[int, ...]:
    """The n in ascending order.

    Raises:
      TableError: there are none, one is out of range, or one comes twice.
    """
    checked = tuple(
        sorted(
            whole(n, "data_budgets", 1, LARGEST_DATA_BUDGET)
            for n in listed(data_budgets, "data_budgets")
        )
    )
    if not checked or len(set(checked)) < len(checked):
        raise TableError("data_budgets: give distinct numbers, at least one")
    return checked


# Returns and first-correct indices are 32-bit in `theory`, whose largest value means "never".
LARGEST_HORIZON = 2**31 - 2


def checked_horizons(horizons: Iterable[int]) -> list[int]:
    """The budgets H in ascending order.

    Raises:
      TableError: there are none, one is not a positive whole number, or one comes twice.
    """
    checked: list[int] = []
    for given in listed(horizons, "horizons"):
        try:
            horizon = operator.index(given)
        except TypeError:
            horizon = 0
        if isinstance(given, bool) or not 1 <= horizon <= LARGEST_HORIZON:
            raise TableError(
                f"horizons: {given!r} is no budget; give whole numbers from 1 to {LARGEST_HORIZON}"
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
