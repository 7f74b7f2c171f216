"""Bounds of stored cells: in NumPy one by one, and by a compiled program where they are many."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from verigap.sim.checks import values
from verigap.sim.sweeps.stored import read_rows
from verigap.theory import BOUNDS
from verigap.theory.bounds.controls import CONTROLS

RUN = Path(__file__).parents[3] / "docs" / "runs" / "quickstart"


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    """Some cells of every game of a committed run."""
    found = read_rows(RUN)
    chosen = []
    for game in sorted({row["game"] for row in found}):
        chosen += [row for row in found if row["game"] == game][:5]
    return chosen


@pytest.mark.long
def test_both_ways_say_the_same(rows: list[dict[str, Any]], monkeypatch: Any) -> None:
    names = (*BOUNDS, *CONTROLS)
    alone = values.bound_values(rows, names)
    monkeypatch.setattr(values, "_MANY", 1)
    # Not a divisor of the cells, so that one batch is padded.
    monkeypatch.setattr(values, "_BATCH", 3)
    together = values.bound_values(rows, names)
    for name in names:
        for one, other in zip(alone[name], together[name], strict=True):
            np.testing.assert_allclose(other, one, rtol=1e-9, err_msg=name)
    # The comparison is of something: bounds that say something, and some that do not apply.
    assert np.isfinite(alone["VF-LOWER"][0]).all()
    held = np.stack([holds for _, holds in alone.values()])
    assert held.any()
    assert not held.all()
