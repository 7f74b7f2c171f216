"""Crossovers against functions whose crossing is known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from verigap.llm_validation.predicting.crossover import (
    crossing,
    crossovers,
    last_crossing,
)

GRID = [16, 64, 256, 1024]


@given(st.floats(17, 1000), st.booleans())
def test_a_line_in_the_logarithm(root: float, rising: bool) -> None:
    height = np.log(GRID) - np.log(root)
    found = last_crossing(GRID, (height if rising else -height)[None], rising=rising)
    assert found[0] == pytest.approx(root)


@given(st.lists(st.integers(-3, 3).filter(bool), min_size=4, max_size=4), st.booleans())
def test_the_last_crossing_is_the_one_that_lasts(heights: list[int], rising: bool) -> None:
    (found,) = last_crossing(GRID, np.array([heights], float), rising=rising)
    wanted = [(height > 0) == rising for height in heights]
    if not wanted[-1]:
        assert found == np.inf
    elif all(wanted):
        assert found == 0
    else:
        last = max(index for index, ok in enumerate(wanted) if not ok)
        assert GRID[last] < found < GRID[last + 1]


def test_at_the_line_the_gap_is_not_worth_caring_about() -> None:
    level = np.array([[1.0, 1.0, 0.0, 0.0]])
    assert last_crossing(GRID, level, rising=False)[0] == pytest.approx(256.0)
    assert last_crossing(GRID, level[:, ::-1], rising=True)[0] == pytest.approx(64.0)


def test_intervals_and_none() -> None:
    roots = np.array([100.0, 80.0, 120.0, 100.0])
    height = np.log(roots)[:, None] - np.log(GRID)[None]
    found = crossing(GRID, height, rising=False)
    assert found is not None
    assert tuple(found) == pytest.approx((100.0, 80.0, 120.0))
    assert crossing(GRID, -np.ones((3, 4)), rising=False) is None
    assert crossing(GRID, np.ones((3, 4)), rising=False) is None
    assert crossing([16], np.array([[1.0]]), rising=True) is None
    alone = crossing(GRID, height[:1], rising=False)
    assert alone is not None
    assert np.isnan(alone.low)
    # A replicate that never crosses leaves the interval open.
    opened = crossing(GRID, np.concatenate([height, np.ones((3, 4))]), rising=False)
    assert opened is not None
    assert opened.high == np.inf


def test_the_margin_is_a_share_of_what_the_expert_adds() -> None:
    # A tenth of it, 1 and 4 tokens.
    worth = np.array([[10.0, 40.0]])
    gap = 0.1 * np.array([[[20.0, 15.0, 9.0, 5.0], [10.0, 20.0, 30.0, 50.0]]])
    by_horizon, by_data = crossovers([32, 64], GRID, gap, worth)
    caught = by_horizon[32]
    assert caught is not None
    assert 64 < caught.estimate < 256
    # At H = 64 the gap is still above the margin at the largest n.
    assert by_horizon[64] is None
    begun = by_data[1024]
    assert begun is not None
    assert 32 < begun.estimate < 64
    assert by_data[64] is None
