"""Where a lead crosses a level: bracketed roots that say whether they were found.

A lead is how far verifying is ahead of cloning, positive where it wins. Leads are looked at on a
geometric grid first, as none is known to be monotone; the roots between neighbouring points are
those of `scipy.optimize.elementwise.find_root` (Chandrupatla's method). Whole numbers are bisected.
All of it runs on the host, so that a lead may be a sum over types, whose number depends on values.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

ROUNDING = 1e-9
"""Leads this close to a level are on neither side of it."""

Lead = Callable[[Float[np.ndarray, " m"], Int[np.ndarray, " m"]], Float[np.ndarray, " m"]]
"""Leads at m places, and the number of the point that each place belongs to."""


class Crossings(NamedTuple):
    """Where the leads of several points first cross a level.

    Attributes:
      at: the places; NaN where there is none.
      crosses: whether there is a crossing in the range.
      converged: whether the root was found to its tolerance; true where there is none to find.
      changes: how often the lead changes sides on the grid; more than 1 where `at` is not the only
        crossing.
      first, last: leads at the start and at the end of the range.
    """

    at: Float[np.ndarray, " points"]
    crosses: Bool[np.ndarray, " points"]
    converged: Bool[np.ndarray, " points"]
    changes: Int[np.ndarray, " points"]
    first: Float[np.ndarray, " points"]
    last: Float[np.ndarray, " points"]


def solve_crossings(
    lead: Lead,
    start: Float[np.ndarray, "*#points"] | float,
    end: Float[np.ndarray, "*#points"] | float,
    *,
    level: float = 0.0,
    steps: int = 33,
    tolerance: float = 1e-8,
) -> Crossings:
    """The first place from `start` towards `end` at which each lead crosses a level.

    Args:
      lead: of places and of the numbers of their points; continuous in the place.
      start: above 0, one for all points or one each.
      end: above 0, on either side of the start.
      level: to be crossed.
      steps: places of the geometric grid that the lead is looked at first, ends included; two
        crossings between neighbouring places may be missed.
      tolerance: of the logarithm of a root.

    Raises:
      ValueError: an end of the range is not positive and finite, or there are fewer than two steps.

    Example:
      >>> import numpy as np
      >>> found = solve_crossings(lambda x, point: x - np.array([3.0, 100.0])[point],
      ...                         np.array([1.0, 1.0]), 10.0)
      >>> found.at.round(6).tolist(), found.crosses.tolist()
      ([3.0, nan], [True, False])
    """
    low, high = (np.atleast_1d(np.asarray(end, float)) for end in (start, end))
    low, high = np.broadcast_arrays(low, high)
    if not (np.isfinite(low) & np.isfinite(high) & (low > 0) & (high > 0)).all():
        raise ValueError("range: both ends must be positive and finite")
    if steps < 2:
        raise ValueError(f"steps: must be at least 2, not {steps}")
    base, length = np.log(low), np.log(high) - np.log(low)
    point = np.arange(low.size)

    def above(share: np.ndarray, index: np.ndarray) -> np.ndarray:
        index = index.astype(int)
        height = lead(np.exp(base[index] + share * length[index]), index) - level
        return np.where(np.abs(height) <= ROUNDING, 0.0, height)

    shares = np.linspace(0.0, 1.0, steps)
    grid = np.stack([above(np.full(point.size, share), point) for share in shares])
    before, after, changes = _brackets(np.sign(grid))
    crosses = changes > 0
    at, converged = np.full(low.size, np.nan), np.ones(low.size, bool)
    if crosses.any():
        own = point[crosses]
        roots, found = _roots(
            above, shares[before[crosses]], shares[after[crosses]], own, tolerance
        )
        at[crosses] = np.exp(base[own] + roots * length[own])
        converged[crosses] = found
    return Crossings(at, crosses, converged, changes, grid[0] + level, grid[-1] + level)


def _brackets(
    signs: Float[np.ndarray, "steps points"],
) -> tuple[Int[np.ndarray, " points"], Int[np.ndarray, " points"], Int[np.ndarray, " points"]]:
    """Steps around the first change of side, and how many changes there are; zeros take no side."""
    points = signs.shape[1]
    before, after, changes = (np.zeros(points, int) for _ in range(3))
    for point in range(points):
        taken = np.flatnonzero(signs[:, point])
        turns = np.flatnonzero(np.diff(signs[taken, point]))
        changes[point] = turns.size
        if turns.size:
            before[point], after[point] = taken[turns[0]], taken[turns[0] + 1]
    return before, after, changes


def _roots(
    above: Lead,
    low: Float[np.ndarray, " m"],
    high: Float[np.ndarray, " m"],
    index: Int[np.ndarray, " m"],
    tolerance: float,
) -> tuple[Float[np.ndarray, " m"], Bool[np.ndarray, " m"]]:
    """Roots between brackets, and whether each was found."""
    # Not at the top: it takes a while, and much of the theory does without.
    from scipy.optimize import elementwise

    found = elementwise.find_root(
        above, (low, high), args=(index.astype(float),), tolerances={"xatol": tolerance}
    )
    return np.asarray(found.x), np.asarray(found.success)


def whole_crossing(
    lead: Callable[[int], float], start: int, end: int, *, level: float = 0.0, steps: int = 33
) -> int | None:
    """The first whole number from `start` towards `end` at which a lead is on another side.

    It is one whose neighbour on the side of the start is still where the start is, or on the level.

    Args:
      lead: of a whole number.
      start: at least 1.
      end: at least 1, on either side of the start.
      level: whose sides are meant.
      steps: numbers that the lead is looked at first; two crossings between them may be missed.

    Returns:
      The number; None where no number that was looked at is on the other side.

    Raises:
      ValueError: an end of the range is below 1.

    Example:
      >>> whole_crossing(lambda n: n - 10.5, 1, 64)
      11
      >>> whole_crossing(lambda n: n - 10.5, 64, 1)
      10
      >>> whole_crossing(lambda n: n - 100.5, 1, 64) is None
      True
    """
    if min(start, end) < 1:
        raise ValueError(f"range: both ends must be at least 1, not {start} and {end}")

    def side(number: int) -> float:
        height = lead(number) - level
        return 0.0 if abs(height) <= ROUNDING else float(np.sign(height))

    places = dict.fromkeys(np.rint(np.geomspace(start, end, steps)).astype(int).tolist())
    own, last = 0.0, start
    for place in places:
        here = side(place)
        if own and here == -own:
            return _bisected(side, own, last, place)
        if here:
            own, last = here, place
    return None


def _bisected(side: Callable[[int], float], own: float, near: int, far: int) -> int:
    """The number after which the side changes, between one on a side and one on the other."""
    while abs(far - near) > 1:
        middle = (near + far) // 2
        if side(middle) == -own:
            far = middle
        else:
            near = middle
    return far
