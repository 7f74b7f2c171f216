"""Roots are where they should be, no crossing is an answer, and a failed search says so."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verigap.theory.frontier.crossings import solve_crossings, whole_crossing

# Many small formulas in NumPy, whose annotations take longer to check than they do.
pytestmark = pytest.mark.usefixtures("unchecked_annotations")

FACTOR = st.floats(-4.0, 4.0)


@pytest.mark.smoke
@settings(max_examples=15)
@given(st.lists(FACTOR, min_size=4, max_size=4), st.floats(0.5, 3.0), st.booleans())
def test_roots_of_monotone_leads(logs: list[float], reach: float, downward: bool) -> None:
    roots = np.exp(np.asarray(logs))
    end = np.exp(-reach if downward else reach)
    found = solve_crossings(lambda x, point: np.log(x / roots[point]), 1.0, np.full(4, end))
    share = np.log(roots) / np.log(end)
    inside, outside = (share > 1e-3) & (share < 1 - 1e-3), (share < -1e-3) | (share > 1 + 1e-3)
    assert found.crosses[inside].all()
    assert not found.crosses[outside].any()
    assert found.converged.all()
    np.testing.assert_allclose(found.at[inside], roots[inside], rtol=1e-6)
    assert np.isnan(found.at[~found.crosses]).all()


@settings(max_examples=8)
@given(FACTOR, st.floats(-2.0, 2.0))
def test_a_level_moves_the_root(log: float, level: float) -> None:
    found = solve_crossings(lambda x, _: np.log(x) - log, 1e-4, 1e4, level=level)
    assert found.at[0] == pytest.approx(np.exp(log + level), rel=1e-6)
    ends = (float(found.first[0]), float(found.last[0]))
    assert ends == pytest.approx((np.log(1e-4) - log, np.log(1e4) - log), rel=1e-9)


def test_the_first_crossing_from_the_start_is_returned_and_the_others_counted() -> None:
    def lead(x: np.ndarray, _: np.ndarray) -> np.ndarray:
        return np.sin(np.log(x))

    up, down = solve_crossings(lead, 2.0, 1e4), solve_crossings(lead, 1e4, 2.0)
    assert np.log(up.at[0]) == pytest.approx(np.pi, abs=1e-6)
    assert np.log(down.at[0]) == pytest.approx(2 * np.pi, abs=1e-6)
    assert up.changes[0] == down.changes[0] == 2


def test_what_rounding_leaves_of_nothing_is_on_no_side() -> None:
    noise = np.random.default_rng(0)

    def lead(x: np.ndarray, _: np.ndarray) -> np.ndarray:
        return np.where(x < 10, -1.0, 1e-12 * noise.normal(size=x.shape))

    assert not solve_crossings(lead, 1.0, 100.0).crosses[0]


def test_a_search_that_fails_says_so() -> None:
    def lead(x: np.ndarray, _: np.ndarray) -> np.ndarray:
        # Known at the grid's places alone.
        known = np.isclose(np.log2(x), np.rint(np.log2(x)), atol=1e-9)
        return np.where(known, x - 3.0, np.nan)

    found = solve_crossings(lead, 1.0, 16.0, steps=5)
    assert found.crosses[0]
    assert not found.converged[0]


@pytest.mark.parametrize("bad", [(0.0, 1.0), (1.0, np.inf), (-1.0, 2.0), (np.nan, 2.0)])
def test_a_range_that_is_none_is_refused(bad: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="range: both ends"):
        solve_crossings(lambda x, _: x, *bad)


def test_too_few_steps_are_refused() -> None:
    with pytest.raises(ValueError, match="steps: must be at least 2, not 1"):
        solve_crossings(lambda x, _: x, 1.0, 2.0, steps=1)


@settings(max_examples=40)
@given(
    st.lists(st.sampled_from([-1.0, 0.0, 1.0]), min_size=24, max_size=24),
    st.integers(1, 24),
    st.integers(1, 24),
)
def test_whole_numbers_agree_with_brute_force(heights: list[float], start: int, end: int) -> None:
    step = 1 if end >= start else -1
    walk = range(start, end + step, step)
    found = whole_crossing(lambda n: heights[n - 1], start, end, steps=64)
    taken = [n for n in walk if heights[n - 1]]
    turned = [n for n in taken if heights[n - 1] != heights[taken[0] - 1]]
    # So few numbers are all looked at, so that the first that changes sides is found.
    assert found == (turned[0] if turned else None)


def test_a_whole_number_is_bisected_between_the_places_looked_at() -> None:
    for turn in (2, 37, 1000, 65_535):
        asked = []

        def lead(n: int, turn: int = turn, asked: list[int] = asked) -> float:
            asked.append(n)
            return n - turn + 0.5

        assert whole_crossing(lead, 1, 1 << 16, steps=9) == turn
        assert len(asked) <= 9 + 16
    with pytest.raises(ValueError, match="at least 1, not 0 and 4"):
        whole_crossing(float, 0, 4)
