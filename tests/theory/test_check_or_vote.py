"""Best-of-N under a check that errs and the vote, against all N-tuples of samples in fractions."""

from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verigap.theory.check_or_vote import (
    Errors,
    checked_success,
    false_negative_frontier,
    vote_frontier,
    vote_success,
)

laws = st.lists(st.integers(0, 5), min_size=1, max_size=4).filter(any)
rates = st.fractions(0, 1, max_denominator=5)
kinds = st.sampled_from(["fresh", "systematic"])


def shares(weights: list[int]) -> list[Fraction]:
    return [Fraction(weight, sum(weights)) for weight in weights]


def chance_of(picks: tuple[int, ...], law: list[Fraction]) -> Fraction:
    chance = Fraction(1)
    for answer in picks:
        chance *= law[answer]
    return chance


def pick(drawn: tuple[int, ...], accepted: tuple[bool, ...]) -> Fraction:
    """Share of right ones among the accepted samples, or among all where none is accepted."""
    among = [a for a, yes in zip(drawn, accepted, strict=True) if yes] or drawn
    return Fraction(sum(a == 0 for a in among), len(among))


def played(law: list[Fraction], n: int, wrong: Fraction, missed: Fraction, errors: str) -> Fraction:
    """Every tuple of answers with every verdict: of each sample, or of each answer."""
    accept = [1 - missed] + [wrong] * (len(law) - 1)
    total = Fraction(0)
    for drawn in product(range(len(law)), repeat=n):
        judged = drawn if errors == "fresh" else tuple(range(len(law)))
        for verdicts in product([False, True], repeat=len(judged)):
            chance = chance_of(drawn, law)
            for answer, yes in zip(judged, verdicts, strict=True):
                chance *= accept[answer] if yes else 1 - accept[answer]
            seen = verdicts if errors == "fresh" else tuple(verdicts[a] for a in drawn)
            total += chance * pick(drawn, seen)
    return total


@settings(max_examples=30)
@given(laws, st.integers(1, 3), rates, rates, kinds)
def test_best_of_n_by_enumeration(
    weights: list[int], n: int, wrong: Fraction, missed: Fraction, errors: Errors
) -> None:
    law = shares(weights)
    found = checked_success([float(p) for p in law], n, float(wrong), float(missed), errors=errors)
    expected = float(played(law, n, wrong, missed, errors))
    assert float(found) == pytest.approx(expected, abs=1e-12)


@settings(max_examples=40)
@given(laws, st.integers(1, 5))
def test_vote_by_enumeration(weights: list[int], n: int) -> None:
    law = shares(weights)
    expected = Fraction(0)
    for drawn in product(range(len(law)), repeat=n):
        counts = [drawn.count(answer) for answer in range(len(law))]
        if counts[0] == max(counts):
            expected += chance_of(drawn, law) / counts.count(max(counts))
    found = vote_success([float(p) for p in law], n)
    assert found == pytest.approx(float(expected), abs=1e-12)


@settings(max_examples=25)
@given(laws, st.integers(1, 20), rates, rates, st.fractions(0, 1, max_denominator=5), kinds)
def test_success_never_rises_with_a_rate(
    weights: list[int], n: int, wrong: Fraction, missed: Fraction, more: Fraction, errors: Errors
) -> None:
    law = [float(p) for p in shares(weights)]

    def at(false_positive: Fraction, false_negative: Fraction) -> float:
        pair = float(false_positive), float(false_negative)
        return float(checked_success(law, n, *pair, errors=errors))

    now = at(wrong, missed)
    assert at(wrong + more * (1 - wrong), missed) <= now + 1e-12
    assert at(wrong, missed + more * (1 - missed)) <= now + 1e-12


@settings(max_examples=12)
@given(laws, st.integers(2, 12), kinds)
def test_on_the_frontier_both_are_worth_the_same(
    weights: list[int], n: int, errors: Errors
) -> None:
    law = [float(p) for p in shares(weights)]
    wrong = np.linspace(0.0, 1.0, 6)
    found, vote = vote_frontier(law, n, wrong, errors=errors), vote_success(law, n)
    assert found.converged.all()
    known = found.crosses
    on = checked_success(law, n, wrong[known], found.at[known], errors=errors)
    np.testing.assert_allclose(on, vote, atol=1e-8)
    assert np.isnan(found.at[~known]).all()
    # Without a crossing one side is ahead, or level, at every false negative rate.
    assert (found.first[~known] * found.last[~known] >= -1e-8).all()


def test_a_frontier_by_hand() -> None:
    # Of two samples the vote is a coin between them, so that the check must be worth more than
    # nothing: accept right samples more often than wrong ones.
    wrong = np.array([0.1, 0.3, 0.8])
    found = vote_frontier([0.6, 0.3, 0.1], 2, wrong)
    np.testing.assert_allclose(found.at, 1 - wrong, atol=1e-8)
    # Under systematic errors the success is linear in f_n.
    law = [0.5, 0.2, 0.2, 0.1]
    best, worst = (checked_success(law, 8, wrong, miss, errors="systematic") for miss in (0.0, 1.0))
    line = (best - vote_success(law, 8)) / (best - worst)
    found = vote_frontier(law, 8, wrong, errors="systematic")
    np.testing.assert_allclose(found.at[:2], line[:2], atol=1e-8)
    assert line[2] < 0
    assert np.isnan(found.at[2])


def test_where_there_is_no_crossing_the_signs_say_who_leads() -> None:
    # The vote is nearly always wrong; a check that accepts wrong answers only is as good as it.
    ahead = vote_frontier([0.1, 0.9], 64, np.array([0.01]))
    assert np.isnan(ahead.at[0])
    assert ahead.first[0] > ahead.last[0] > 0
    behind = vote_frontier([0.6, 0.4], 64, np.array([0.5]))
    assert np.isnan(behind.at[0])
    assert 0 > behind.first[0] > behind.last[0]


@pytest.mark.parametrize("n", [1, 4, 64])
def test_a_check_that_tells_nothing_is_one_sample(n: int) -> None:
    law = [0.3, 0.5, 0.2]
    for wrong in (0.0, 0.25, 1.0):
        assert float(checked_success(law, n, wrong, 1 - wrong)) == pytest.approx(0.3)
    # A wrong answer that is accepted once is accepted always: still nothing on average over N = 1.
    assert float(checked_success(law, 1, 0.4, 0.2, errors="systematic")) == pytest.approx(0.3)


def test_many_samples_come_to_the_limits() -> None:
    law, n, wrong, missed = [0.5, 0.3, 0.2], 4000, 0.2, 0.3
    precision = 0.5 * 0.7 / (0.5 * 0.7 + 0.5 * 0.2)
    assert float(checked_success(law, n, wrong, missed)) == pytest.approx(precision)
    # Masses of accepted wrong answers, and their chances.
    sets = {0.0: 0.64, 0.3: 0.16, 0.2: 0.16, 0.5: 0.04}
    limit = 0.7 * sum(chance * 0.5 / (0.5 + mass) for mass, chance in sets.items())
    limit += missed * 0.5 * sets[0.0]
    found = checked_success(law, n, wrong, missed, errors="systematic")
    assert float(found) == pytest.approx(limit)


def test_rates_are_broadcast_and_shapes_kept() -> None:
    wrong, missed = np.array([0.0, 0.5]), np.array([[0.0], [0.1], [1.0]])
    for errors in ("fresh", "systematic"):
        table = checked_success([0.5, 0.5], 3, wrong, missed, errors=errors)
        assert table.shape == (3, 2)
        alone = checked_success([0.5, 0.5], 3, 0.5, 0.1, errors=errors)
        assert alone.shape == ()
        assert table[1, 1] == pytest.approx(float(alone))


def test_what_is_no_law_or_no_rate_is_refused() -> None:
    for answers in ([0.5, 0.4], [1.5, -0.5], []):
        with pytest.raises(ValueError, match="sum to one"):
            vote_success(answers, 3)
    with pytest.raises(ValueError, match="rates are in"):
        checked_success([0.5, 0.5], 3, 1.2, 0.0)
    many = np.full(20, 0.05)
    with pytest.raises(ValueError, match="19 wrong ones"):
        checked_success(many, 3, 0.1, 0.1, errors="systematic")
    assert float(checked_success(many, 3, 0.0, 0.0)) == pytest.approx(1 - 0.95**3)


def test_any_falling_success_has_a_frontier() -> None:
    found = false_negative_frontier(lambda p, n: 1 - p - n, np.array([0.25, 0.75]), 0.5)
    np.testing.assert_allclose(found.at, [0.25, np.nan])
