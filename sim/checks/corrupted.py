"""Whether a run would show that a bound is wrong: each is corrupted in every way and checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from verigap.sim.checks.check import BoundTest, check
from verigap.sim.checks.statistics import FAMILY_WISE_ERROR
from verigap.sim.checks.values import Row
from verigap.theory import BOUNDS
from verigap.theory.bounds.corruptions import CORRUPTIONS


@dataclass(frozen=True, kw_only=True)
class Caught:
    """One corruption of one bound, beside a run.

    Attributes:
      bound: name of the bound.
      corruption: name of the corruption.
      changes: whether it makes the bound stronger in any cell.
      cells: cells in which the corrupted bound is violated.
    """

    bound: str
    corruption: str
    changes: bool
    cells: tuple[str, ...]


def catch_corruptions(rows: Sequence[Row]) -> tuple[Caught, ...]:
    """Every corruption of every bound, and where a check of all bounds would have rejected it.

    Each is judged as if it stood in the place of its bound, and no other were corrupted.

    Args:
      rows: cells of a run.

    Raises:
      ValueError: as `check`.

    Example:
      >>> from verigap.sim.checks.corrupted import catch_corruptions
      >>> from verigap.sim.sweeps import read_rows
      >>> found = catch_corruptions(read_rows("docs/runs/quickstart")[5:10])
      >>> [each.corruption for each in found if each.bound == "VF-LOWER-PROPER" and each.cells]
      ['TENTH']
    """
    bounds = list(BOUNDS.values())
    wrong = [(bound, way) for bound in bounds for way in CORRUPTIONS.values()]
    corrupted = {(bound.name, way.name): way.of(bound) for bound, way in wrong}
    tests: dict[str, list[BoundTest]] = {}
    for test in check(rows, [*bounds, *corrupted.values()]).tests:
        tests.setdefault(test.bound, []).append(test)
    level = FAMILY_WISE_ERROR / max(sum(len(tests.get(bound.name, ())) for bound in bounds), 1)
    return tuple(
        Caught(
            bound=name,
            corruption=way,
            changes=_values(tests.get(name, ())) != _values(tests.get(altered.name, ())),
            cells=tuple(
                dict.fromkeys(
                    test.cell for test in tests.get(altered.name, ()) if test.p_value <= level
                )
            ),
        )
        for (name, way), altered in corrupted.items()
    )


def _values(tests: Sequence[BoundTest]) -> dict[tuple[str, str], str]:
    """The bound in every test, to ten digits; what says nothing counts as equal."""
    return {
        (test.cell, test.learner): f"{max(test.value, 0.0):.10g}"
        for test in tests
        if np.isfinite(test.value)
    }
