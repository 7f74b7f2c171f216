"""Selection by a score against enumeration of all draws and scores in rational arithmetic."""

from fractions import Fraction
from itertools import pairwise, product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verigap.theory import (
    RewardLaw,
    ScoredLaw,
    best_of_n_policy,
    rejection_value,
    roc_of,
    scored_best_of_n_value,
    top_share_policy,
)
from verigap.theory.arrays import host_array
from verigap.theory.scored_verifier import best_num_candidates

RETURNS, LEVELS = [0.0, 3.0, 8.0], 3
Shares = list[Fraction]


def shares(weights: list[int]) -> Shares:
    return [Fraction(weight, sum(weights)) for weight in weights]


def rows(size: int, most: int) -> st.SearchStrategy[Shares]:
    return st.lists(st.integers(0, most), min_size=size, max_size=size).filter(any).map(shares)


laws = rows(3, 5)
scores = st.lists(rows(LEVELS, 4), min_size=3, max_size=3)


def scored_of(*prompts: tuple[Shares, list[Shares]]) -> ScoredLaw:
    mass = [[float(p) for p in law] for law, _ in prompts]
    given_return = [[[float(q) for q in row] for row in score] for _, score in prompts]
    law = RewardLaw(host_array(RETURNS), host_array(mass))
    return ScoredLaw(law, host_array(given_return))


def joint(law: Shares, score: list[Shares]) -> dict[tuple[int, int], Fraction]:
    """Probability of every (return, level)."""
    return {
        (i, s): law[i] * score[i][s]
        for i, s in product(range(3), range(LEVELS))
        if law[i] * score[i][s]
    }


def picked(chances: dict[tuple[int, int], Fraction], draws: int) -> dict[int, Fraction]:
    """Law of the return of the best scored of N draws, ties at random."""
    found = dict.fromkeys(range(3), Fraction(0))
    for drawn in product(chances, repeat=draws):
        chance = Fraction(1)
        for outcome in drawn:
            chance *= chances[outcome]
        best = max(level for _, level in drawn)
        winners = [i for i, level in drawn if level == best]
        for i in winners:
            found[i] += chance / len(winners)
    return found


@given(laws, scores, st.integers(1, 3))
def test_best_of_n_by_enumeration(law: Shares, score: list[Shares], draws: int) -> None:
    expected = picked(joint(law, score), draws)
    scored = scored_of((law, score))
    value = sum((p * int(RETURNS[i]) for i, p in expected.items()), Fraction(0))
    found = scored_best_of_n_value(scored, float(draws))
    assert float(found[0]) == pytest.approx(float(value), abs=1e-12)
    ratio = scored.ratio_by_return(best_of_n_policy(scored.scores, float(draws)))
    law_of_pick = np.asarray(ratio * scored.law.probabilities)[0]
    np.testing.assert_allclose(law_of_pick, [float(expected[i]) for i in range(3)], atol=1e-12)
    assert ratio[0][np.asarray(law) > 0].max() <= draws * (1 + 1e-12)


@given(laws, scores, st.fractions(Fraction(1, 12), 1, max_denominator=12))
def test_rejection_by_enumeration(law: Shares, score: list[Shares], share: Fraction) -> None:
    # Levels from the top, the last by a coin; drawing until one is accepted conditions on it.
    left, earned = share, Fraction(0)
    chances = joint(law, score)
    for level in reversed(range(LEVELS)):
        at = {i: p for (i, s), p in chances.items() if s == level}
        mass = sum(at.values(), Fraction(0))
        taken = min(left, mass)
        if mass:
            paid = sum((p * int(RETURNS[i]) for i, p in at.items()), Fraction(0))
            earned += taken * paid / mass
        left -= taken
    found = rejection_value(scored_of((law, score)), float(share))
    assert float(found[0]) == pytest.approx(float(earned / share), abs=1e-11)


@given(laws, scores)
def test_roc_by_enumeration(law: Shares, score: list[Shares]) -> None:
    chances = joint(law, score)
    right = {s: sum(p for (i, t), p in chances.items() if i and t == s) for s in range(LEVELS)}
    wrong = {s: chances.get((0, s), Fraction(0)) for s in range(LEVELS)}
    curve = roc_of(scored_of((law, score)))
    if sum(right.values()) and sum(wrong.values()):
        right, wrong = (
            {s: Fraction(p) / sum(each.values()) for s, p in each.items()}
            for each in (right, wrong)
        )
        for place, threshold in enumerate(reversed(range(1, LEVELS))):
            accepted = sum(wrong[s] for s in range(threshold, LEVELS))
            missed = sum(right[s] for s in range(threshold))
            assert float(curve.false_positive[0, place]) == pytest.approx(
                float(accepted), abs=1e-12
            )
            assert float(curve.false_negative[0, place]) == pytest.approx(float(missed), abs=1e-12)
        area = sum(
            right[s] * wrong[t] * (1 if s > t else Fraction(1, 2) if s == t else 0)
            for s, t in product(range(LEVELS), repeat=2)
        )
        assert float(np.asarray(curve.area)[0]) == pytest.approx(float(area), abs=1e-12)


@given(laws, rows(4, 5), rows(4, 5))
def test_a_curve_makes_the_score_it_came_from(law: Shares, wrong: Shares, right: Shares) -> None:
    table = RewardLaw(host_array(RETURNS), host_array([[float(p) for p in law]]))
    above = [np.cumsum([float(q) for q in reversed(row)])[:-1] for row in (wrong, right)]
    scored = ScoredLaw.from_roc(table, host_array(above[0]), host_array(1.0 - above[1]))
    expected = [[float(q) for q in row] for row in (wrong, right, right)]
    np.testing.assert_allclose(scored.likelihood[0], expected, atol=1e-12)
    if 0 < law[0] < 1:
        curve = roc_of(scored)
        np.testing.assert_allclose(curve.false_positive[0], above[0], atol=1e-12)
        np.testing.assert_allclose(curve.false_negative[0], 1.0 - above[1], atol=1e-12)
        # The trapezoids below the curve, from (0, 0) to (1, 1).
        x, y = ([0.0, *each, 1.0] for each in above)
        assert float(np.asarray(curve.area)[0]) == pytest.approx(np.trapezoid(y, x), abs=1e-12)


@settings(max_examples=20)
@given(laws, scores, st.integers(2, 40))
def test_best_of_n_is_rejection_at_a_random_share(
    law: Shares, score: list[Shares], draws: int
) -> None:
    # V_N is the mean of the value of rejection over shares of law Beta(2, N - 1).
    scored = scored_of((law, score))
    nodes, weights = np.polynomial.legendre.leggauss(60)
    edges = np.concatenate(
        [[0.0], np.cumsum(np.asarray(scored.scores.probabilities)[0, ::-1])]
    ).clip(0, 1)
    total = 0.0
    for low, high in pairwise(edges):
        if high > low:
            at = low + (high - low) * (nodes + 1) / 2
            density = draws * (draws - 1) * at * (1 - at) ** (draws - 2)
            values = np.array([float(rejection_value(scored, share)[0]) for share in at])
            total += float(weights @ (density * values)) * (high - low) / 2
    assert float(scored_best_of_n_value(scored, float(draws))[0]) == pytest.approx(total, abs=1e-9)


@given(laws, rows(4, 5), rows(4, 5), st.integers(1, 40))
def test_where_precision_falls_with_the_share(
    law: Shares, wrong: Shares, right: Shares, draws: int
) -> None:
    """Levels in the order of their mean return: more draws help, rejection at N draws more so."""
    order = sorted(range(4), key=lambda s: Fraction(right[s]) / (right[s] + wrong[s] or 1))
    kept = [s for s in order if right[s] + wrong[s]]
    table = RewardLaw(host_array(RETURNS), host_array([[float(p) for p in law]]))
    likelihood = [[float(row[s]) for s in kept] for row in (wrong, right, right)]
    scored = ScoredLaw(table, host_array([likelihood]))
    more, less = (float(scored_best_of_n_value(scored, n)[0]) for n in (draws + 1.0, draws + 0.0))
    assert more >= less - 1e-12
    assert float(rejection_value(scored, 1.0 / draws)[0]) >= less - 1e-12
    assert best_num_candidates(scored).num_candidates in (None, 1)


@given(st.lists(st.tuples(laws, scores), min_size=1, max_size=3))
def test_the_best_number_is_that_of_a_long_list(prompts: list[tuple[Any, Any]]) -> None:
    scored = scored_of(*prompts)
    # P(the best of N has at most this level) = P(level)^N.
    below = np.cumsum(np.asarray(scored.scores.probabilities), axis=-1)[..., None]
    numbers = np.arange(1, 400)
    each = np.diff(below**numbers, axis=1, prepend=0.0)
    values = (each * np.asarray(scored.mean_return)[..., None]).sum(1).mean(0)
    assert values[7] == pytest.approx(float(scored_best_of_n_value(scored, 8.0).mean()), abs=1e-9)
    best = best_num_candidates(scored)
    far = float(scored_best_of_n_value(scored, 1e12).mean())
    assert best.limit == pytest.approx(far, abs=1e-9)
    assert best.value == pytest.approx(max(values.max(), far), abs=1e-9)
    if best.num_candidates is None:
        assert best.value == best.limit
    else:
        assert best.num_candidates < 400
        assert values[best.num_candidates - 1] == pytest.approx(best.value, abs=1e-12)
        assert (values[: best.num_candidates - 1] < best.value).all()
        assert best.falls == (best.limit < best.value)


def test_a_check_is_a_score_of_two_levels() -> None:
    # One prompt: A + (B - A)(1 - a)^N, which rises iff f_p + f_n <= 1, to the precision.
    table = RewardLaw(host_array([0.0, 8.0]), host_array([[0.75, 0.25]]))
    for wrong, missed in ((0.1, 0.3), (0.5, 0.5), (0.9, 0.6)):
        scored = ScoredLaw.from_roc(table, host_array([wrong]), host_array([missed]))
        rate = 0.75 * wrong + 0.25 * (1 - missed)
        high, low = 8 * 0.25 * (1 - missed) / rate, 8 * 0.25 * missed / (1 - rate)
        for draws in (1, 2, 7):
            value = float(scored_best_of_n_value(scored, float(draws))[0])
            assert value == pytest.approx(high + (low - high) * (1 - rate) ** draws)
        best = best_num_candidates(scored)
        assert best.limit == pytest.approx(high)
        assert float(rejection_value(scored, rate)[0]) == pytest.approx(high)
        expected = {0.1: None, 0.5: 1, 0.9: 1}[wrong]
        assert best.num_candidates == expected
    assert best.falls


def test_over_prompts_the_value_of_a_check_may_rise_and_fall() -> None:
    # An easy prompt that the check judges well, a hard one on which it accepts what is wrong.
    table = RewardLaw(host_array([0.0, 8.0]), host_array([[0.5, 0.5], [0.9, 0.1]]))
    rates = host_array([[0.0], [0.02]]), host_array([[0.1], [1.0]])
    best = best_num_candidates(ScoredLaw.from_roc(table, *rates))
    assert best.num_candidates == 10
    assert best.falls


def test_on_one_prompt_the_value_of_a_score_may_rise_and_fall() -> None:
    table = RewardLaw(host_array([0.0, 8.0]), host_array([[0.75, 0.25]]))
    rates = host_array([1e-6, 0.1]), host_array([1.0, 0.2])
    scored = ScoredLaw.from_roc(table, *rates)
    best = best_num_candidates(scored)
    assert best.num_candidates is not None
    assert best.limit == 0.0
    # Far beyond any list.
    numbers = best.num_candidates + np.arange(-2, 3.0)
    values = [float(scored_best_of_n_value(scored, n)[0]) for n in numbers]
    assert max(values) == pytest.approx(best.value, abs=1e-12)
    assert values[2] == pytest.approx(best.value, abs=1e-12)
    assert best.num_candidates > 30


def test_a_value_that_goes_on_rising_has_no_best_number() -> None:
    # Two prompts of different success: several powers, all of one sign.
    table = RewardLaw(host_array([0.0, 8.0]), host_array([[0.999, 0.001], [0.5, 0.5]]))
    scored = ScoredLaw.from_roc(table, host_array([0.0, 0.3]), host_array([0.4, 0.1]))
    best = best_num_candidates(scored)
    assert best.num_candidates is None
    assert best.value == best.limit == pytest.approx(8.0)
    # And one that falls first: a score that likes wrong traces, but for its highest level.
    worse = ScoredLaw.from_roc(table, host_array([0.0, 0.6]), host_array([0.999, 0.9]))
    values = [float(scored_best_of_n_value(worse, n).mean()) for n in (1.0, 4.0, 1e9)]
    assert values[1] < values[0] < values[2]
    assert best_num_candidates(worse).num_candidates is None


def test_an_exact_score_is_the_return() -> None:
    table = RewardLaw(host_array([0.0, 3.0, 8.0]), host_array([[0.5, 0.3, 0.2]]))
    scored = ScoredLaw(table, host_array([np.eye(3)]))
    for draws in (1.0, 4.0):
        exact = table.expectation(best_of_n_policy(table, draws))
        np.testing.assert_allclose(scored_best_of_n_value(scored, draws), exact)
    exact = table.expectation(top_share_policy(table, 0.35))
    np.testing.assert_allclose(rejection_value(scored, 0.35), exact)


def test_a_score_that_tells_nothing_needs_one_draw() -> None:
    table = RewardLaw(host_array([0.0, 8.0]), host_array([[0.7, 0.3]]))
    scored = ScoredLaw.from_roc(table, host_array([0.1, 0.3]), host_array([0.9, 0.7]))
    best = best_num_candidates(scored)
    assert best.num_candidates == 1
    assert best.value == pytest.approx(2.4)
    assert float(np.asarray(roc_of(scored).area)[0]) == pytest.approx(0.5)
