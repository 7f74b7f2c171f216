"""The rule, on draws whose answer can be read off."""

import math
from typing import Any

import hypothesis.extra.numpy as npst
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special

from verigap.llm_validation.reporting.settling import what_would_settle
from verigap.llm_validation.reporting.verdict import ARMS, Verdict, decide


def rule(
    base: Any, clone: Any, vote: Any, verify: Any, exact: Any, mixed: int = 10
) -> tuple[str, str, float]:
    """Verdict, reason and probability of draws; single numbers stand for ten equal draws."""
    rows = np.broadcast_arrays(
        *(np.asarray(row, float) for row in (base, clone, vote, verify, exact)), np.zeros(10)
    )[:5]
    found = decide(dict(zip(ARMS, rows, strict=False)), rows[4], mixed)
    return found.verdict, found.reason, found.probability


def of_ten(true: int, yes: float, no: float) -> list[float]:
    """Ten draws, `true` of them `yes`."""
    return [yes] * true + [no] * (10 - true)


@pytest.mark.smoke
def test_hand_computed() -> None:
    # m = 10 throughout: exact - base = 100.
    assert rule(0, 20, 30, 90, 100) == ("verify", "verify_gains", 1.0)
    assert rule(0, 20, 85, 90, 100) == ("vote", "vote_suffices", 1.0)
    assert rule(0, 85, 30, 90, 100) == ("clone", "clone_suffices", 1.0)
    # Both would do: voting needs no training and is named first.
    assert rule(0, 85, 85, 90, 100) == ("vote", "vote_suffices", 1.0)
    assert rule(0, 9, 9, 9, 100) == ("undecided", "no_headroom", 0.0)
    assert rule(0, 20, of_ten(5, 85, 30), 90, 100) == ("undecided", "open", 0.5)


def test_margins_at_the_line() -> None:
    # Headroom and the gain of verification must exceed m.
    assert rule(0, 0, 0, 10, 100)[:2] == ("undecided", "no_headroom")
    assert rule(0, 0, 0, 10.001, 100)[0] == "verify"
    # Vote and clone may fall behind by m, and no further.
    assert rule(0, 0, 50, 60, 100) == ("vote", "vote_suffices", 1.0)
    assert rule(0, 0, 49.999, 60, 100) == ("verify", "verify_gains", 1.0)
    assert rule(0, 50, 0, 60, 100) == ("clone", "clone_suffices", 1.0)
    # The best other arm may be the other recommendation or the base itself.
    assert rule(0, 60, 50, 0, 100)[0] == "vote"
    assert rule(0, 60, 49, 0, 100)[0] == "clone"


def test_rounding_is_no_gain() -> None:
    """Where all samples of a prompt earn the same, best-of-N differs in the last digits only."""
    value, above = 7.8, np.nextafter(7.8, 8.0)
    assert rule(value, value, value, above, above) == ("undecided", "no_headroom", 0.0)
    arms = {name: np.array([value]) for name in ARMS} | {"verify": np.array([above])}
    probabilities = [event.probability for event in decide(arms, arms["base"], 10).events.values()]
    assert probabilities == [0.0, 0.0, 1.0, 1.0]


def test_probabilities_at_the_line() -> None:
    assert rule(0, 0, 0, of_ten(9, 50, 0), 100) == ("verify", "verify_gains", 0.9)
    assert rule(0, 0, 0, of_ten(8, 50, 0), 100) == ("undecided", "no_headroom", 0.8)
    # Headroom in all draws, verification ahead in 8, vote level in the other 2.
    assert rule(0, 0, 15, of_ten(8, 50, 0), 100) == ("undecided", "open", 0.8)
    assert rule(0, 0, of_ten(9, 50, 0), 55, 100)[0] == "vote"
    assert rule(0, of_ten(9, 50, 0), 0, 55, 100)[0] == "clone"


def test_the_order_of_the_rules() -> None:
    # Too few mixed prompts comes before everything.
    assert rule(0, 0, 0, 90, 100, mixed=9)[:2] == ("undecided", "too_few")
    assert rule(0, 0, 0, 90, 100, mixed=10)[0] == "verify"
    # No headroom comes before "voting suffices", which would be true.
    assert rule(50, 50, 50, 50, 100)[:2] == ("undecided", "no_headroom")
    # A level game with neither failures nor successes has no headroom, not a margin of 0.
    assert rule(0, 0, 0, 0, 0)[:2] == ("undecided", "no_headroom")


def test_the_margin_moves_with_the_draw() -> None:
    """Where headroom and gain rise and fall together, a fixed margin would say less."""
    exact = np.array([200.0] * 5 + [40.0] * 5)
    # A gain of 12 beats the margin 4 but not 20; the margin of the mean, 12, says neither.
    assert rule(0, 0, 20, np.where(exact > 100, 60, 32), exact)[0] == "verify"
    assert rule(0, 0, 20, 32, exact) == ("undecided", "open", 0.5)


def test_draws_that_say_the_opposite_count() -> None:
    # Where the base is best, neither voting nor cloning suffices: 8 draws for, one against, and it.
    base, best, other = [0] * 9 + [100], [50] * 8 + [0, 0], [0] * 8 + [90, 0]
    assert rule(base, other, best, 0, 100) == ("undecided", "open", 0.8)
    assert rule(base, best, other, 0, 100) == ("undecided", "open", 0.8)
    # Where an exact check earned less than the base, nothing is gained by being level.
    verify, vote, exact = [90] * 8 + [0, 0], [0] * 8 + [50, 0], [100] * 9 + [-50]
    assert rule(0, 0, vote, verify, exact) == ("undecided", "open", 0.8)


def test_what_is_not_measured() -> None:
    draws = [np.nan] + [1.0] * 9
    assert rule(0, draws, 0, 1, 2)[:2] == ("undecided", "not_measured")
    assert math.isnan(rule(0, draws, 0, 1, 2)[2])
    assert rule(0, 0, 0, 1, draws, mixed=3)[:2] == ("undecided", "too_few")


@pytest.mark.parametrize("bad", ["missing", "shape", "empty"])
def test_draws_must_be_joint(bad: str) -> None:
    arms = {name: np.zeros(3) for name in ARMS}
    if bad == "missing":
        del arms["vote"]
    elif bad == "shape":
        arms["vote"] = np.zeros(4)
    else:
        arms = {name: np.zeros(0) for name in ARMS}
    with pytest.raises(ValueError, match="verdict: "):
        decide(arms, np.zeros(0 if bad == "empty" else 3), 10)


# Whole numbers, so that adding one changes nothing by rounding.
DRAWS = npst.arrays(np.int64, (5, 12), elements=st.integers(0, 60))


def _decide(rows: np.ndarray, mixed: int) -> Verdict:
    rows = rows.astype(float)
    return decide(dict(zip(ARMS, rows[:4], strict=True)), rows[4], mixed)


@given(DRAWS, st.integers(8, 12), st.permutations(range(12)), st.integers(-100, 100))
def test_order_and_origin_do_not_matter(
    rows: np.ndarray, mixed: int, order: list[int], shift: int
) -> None:
    found = _decide(rows, mixed)
    for other in (_decide(rows[:, order], mixed), _decide(rows + shift, mixed)):
        assert (other.verdict, other.reason) == (found.verdict, found.reason)
        np.testing.assert_allclose(other.probability, found.probability)


@given(DRAWS, st.sampled_from([2, 4, 64]))
def test_the_unit_does_not_matter(rows: np.ndarray, factor: int) -> None:
    found, other = _decide(rows, 10), _decide(rows * factor, 10)
    assert (other.verdict, other.probability) == (found.verdict, found.probability)
    np.testing.assert_allclose(other.margin, factor * found.margin)


@given(DRAWS, st.integers(1, 50))
def test_a_better_verifier_never_unsettles_verify(rows: np.ndarray, gain: int) -> None:
    better = rows.copy()
    better[3] += gain
    assert _decide(better, 10).events["verify"].probability >= (
        _decide(rows, 10).events["verify"].probability
    )
    if _decide(rows, 10).verdict == "verify":
        assert _decide(better, 10).verdict == "verify"


@given(DRAWS)
def test_probability_is_of_the_statement_that_decided(rows: np.ndarray) -> None:
    found = _decide(rows, 10)
    if found.verdict != "undecided":
        assert found.probability == found.events[found.verdict].probability >= 0.9
        assert found.events["headroom"].probability >= 0.9
    else:
        assert found.probability < 0.9


def test_prompts_that_would_settle() -> None:
    """sd 10 about a mean of 10 needs 1.2816^2 = 1.64 times the prompts."""
    gain = special.ndtri((np.arange(4000) + 0.5) / 4000)
    vote = np.full(4000, 200.0)
    # m = 100: verify - vote - m has mean 10 and sd 10.
    arms = {"base": vote * 0, "clone": vote * 0, "vote": vote, "verify": vote + 110 + 10 * gain}
    found = decide(arms, np.full(4000, 1000.0), 50)
    assert (found.verdict, found.reason) == ("undecided", "open")
    settling = what_would_settle(found, 100, 50, 0.25)
    assert settling is not None
    assert settling.towards == "verify"
    assert settling.prompts == 165
    assert "25 % of these prompts" in settling.text
    # And indeed: with the spread so much smaller, the rule decides.
    arms["verify"] = vote + 110 + 10 * gain * (100 / (settling.prompts or 1)) ** 0.5
    assert decide(arms, np.full(4000, 1000.0), 50).verdict == "verify"


def test_the_best_of_two_noisy_arms_promises_nothing() -> None:
    """Two arms level with the base: the better of them is above the margin in the mean draw."""
    noise = special.ndtri((np.arange(400) + 0.5) / 400)
    level, best = np.zeros(400), 20 * np.abs(noise) - 10
    arms = {"base": level, "clone": 20 * noise, "vote": -20 * noise, "verify": level}
    assert best.mean() > 0
    found = decide(arms, np.full(400, 100.0), 50)
    assert (found.reason, found.events["headroom"].excess) == ("no_headroom", pytest.approx(-10.0))
    settling = what_would_settle(found, 100, 50, 0.25)
    assert settling is not None
    assert settling.prompts is None
    assert "no arm beats the base" in settling.text


def test_what_cannot_be_settled() -> None:
    few = decide({name: np.zeros(2) for name in ARMS}, np.ones(2), 4)
    settling = what_would_settle(few, 20, 4, float("nan"))
    assert settling is not None
    assert settling.prompts == 50
    none = what_would_settle(few, 20, 0, float("nan"))
    assert none is not None
    assert none.prompts is None
    flat = decide({name: np.zeros(2) for name in ARMS}, np.ones(2), 40)
    shown = what_would_settle(flat, 40, 40, 0.5)
    assert shown is not None
    assert shown.prompts is None
    assert "no arm beats the base" in shown.text
