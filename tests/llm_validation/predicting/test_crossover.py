"""Crossovers against functions whose crossing is known."""

from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from verigap.llm_validation.intervals import Statistic
from verigap.llm_validation.predicting.content import crossovers_content
from verigap.llm_validation.predicting.crossover import (
    Crossover,
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


@pytest.mark.parametrize("rising", [True, False])
def test_everywhere_nowhere_and_unknown_are_told_apart(rising: bool) -> None:
    sign = 1.0 if rising else -1.0
    wanted = sign * np.ones((41, 4))
    assert crossing(GRID, wanted, rising=rising) == Crossover(kind="everywhere")
    assert crossing(GRID, -wanted, rising=rising) == Crossover(kind="nowhere")
    # Replicates of both kinds, whatever the estimate says.
    torn = wanted.copy()
    torn[1:20] *= -1.0
    for estimate in (sign * np.ones(4), -sign * np.ones(4), sign * np.array([-1.0, -1, 1, 1])):
        torn[0] = estimate
        assert crossing(GRID, torn, rising=rising) == Crossover(kind="unknown")
    # One replicate in forty is within the 2.5 % that an interval leaves out.
    rare = wanted.copy()
    rare[1] *= -1.0
    assert crossing(GRID, rare, rising=rising).kind == "everywhere"
    assert crossing(GRID, -rare, rising=rising).kind == "nowhere"
    unmeasured = wanted.copy()
    unmeasured[0, 2] = np.nan
    assert crossing(GRID, unmeasured, rising=rising) == Crossover(kind="unknown")
    # One point: on the wanted side or not, and nothing between.
    assert crossing([16], np.array([[sign]]), rising=rising).kind == "everywhere"
    assert crossing([16], np.array([[-sign]]), rising=rising).kind == "nowhere"


def test_a_crossing_within_the_grid_has_an_interval() -> None:
    roots = np.array([100.0, 80.0, 120.0, 100.0])
    height = np.log(roots)[:, None] - np.log(GRID)[None]
    found = crossing(GRID, height, rising=False)
    assert found.kind == "at"
    assert found.at == pytest.approx((100.0, 80.0, 120.0))
    alone = crossing(GRID, height[:1], rising=False)
    assert alone.at is not None
    assert np.isnan(alone.at.low)
    # A replicate that never crosses leaves the interval open.
    opened = crossing(GRID, np.concatenate([height, np.ones((3, 4))]), rising=False)
    assert opened.at is not None
    assert (opened.at.low, opened.at.high) == (pytest.approx(80.0), np.inf)


@pytest.mark.parametrize("kind", ["everywhere", "nowhere", "unknown"])
def test_only_a_crossing_within_the_grid_has_a_place(kind: Literal["everywhere"]) -> None:
    with pytest.raises(ValueError, match="at: a place is given if and only if"):
        Crossover(kind=kind, at=Statistic(1.0, 1.0, 1.0))
    with pytest.raises(ValueError, match="at: a place is given if and only if"):
        Crossover(kind="at")


def test_the_margin_is_a_share_of_what_the_expert_adds() -> None:
    # A tenth of it, 1 and 4 tokens.
    worth = np.array([[10.0, 40.0]])
    gap = 0.1 * np.array([[[20.0, 15.0, 9.0, 5.0], [10.0, 20.0, 30.0, 50.0]]])
    by_horizon, by_data = crossovers([32, 64], GRID, gap, worth)
    caught = by_horizon[32].at
    assert caught is not None
    assert 64 < caught.estimate < 256
    # At H = 64 the gap is still above the margin at the largest n.
    assert by_horizon[64].kind == "nowhere"
    begun = by_data[1024].at
    assert begun is not None
    assert 32 < begun.estimate < 64
    assert by_data[64].kind == "nowhere"


def test_where_the_expert_adds_nothing_there_is_nothing_to_compare_with() -> None:
    nothing, some = np.zeros((5, 1, 4)), np.ones((5, 1, 4))
    gap = np.concatenate([nothing, some], axis=1)
    worth = np.array([[0.0, 4.0]] * 5)
    by_horizon, by_data = crossovers([8, 16], GRID, gap, worth)
    assert by_horizon == {8: Crossover(kind="unknown"), 16: Crossover(kind="nowhere")}
    # At H = 8 a gap of 0 is not worth caring about, at 16 it is.
    assert {crossover.kind for crossover in by_data.values()} == {"at"}
    by_horizon, by_data = crossovers([8, 16], GRID, 0 * gap, 0 * worth)
    for kind in (*by_horizon.values(), *by_data.values()):
        assert kind == Crossover(kind="unknown")


def test_in_json_each_kind_is_named() -> None:
    place = Crossover(kind="at", at=Statistic(20.0, 16.0, np.inf))
    found = crossovers_content({8: place, 16: Crossover(kind="everywhere")})
    assert found == {
        "8": {"kind": "at", "at": {"estimate": 20.0, "low": 16.0, "high": np.inf}},
        "16": {"kind": "everywhere", "at": None},
    }
