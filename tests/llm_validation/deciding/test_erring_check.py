"""A check that errs against closed forms and against chance; ROC curves against counting."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.statistics import Estimate, assert_same_mean
from verigap.llm_validation.deciding.erring_check import checked_accuracy, roc_curve, tolerance
from verigap.llm_validation.fitting.pass_at_k import pass_at_k

CORRECT, SIZES = np.array([0, 1, 3, 7, 8]), np.array([8, 8, 9, 12, 8])


@pytest.mark.parametrize("n", [1, 2, 5, 8])
def test_ends_are_pass_at_n_and_a_random_sample(n: int) -> None:
    mean = float((CORRECT / SIZES).mean())
    exact = float(pass_at_k(CORRECT, SIZES, n)[:, n - 1].mean())
    assert checked_accuracy(CORRECT, SIZES, n, 0.0, 0.0) == pytest.approx(exact)
    # A check that accepts all, or none, picks at random.
    assert checked_accuracy(CORRECT, SIZES, n, 1.0, 0.0) == pytest.approx(mean)
    assert checked_accuracy(CORRECT, SIZES, n, 0.0, 1.0) == pytest.approx(mean)
    # So does one that accepts right and wrong ones alike.
    assert checked_accuracy(CORRECT, SIZES, n, 0.4, 0.6) == pytest.approx(mean)


def test_two_candidates_by_hand() -> None:
    # One right and one wrong of two, both drawn: right alone accepted, or a coin.
    alone = (1 - 0.3) * (1 - 0.2)
    both_or_none = (1 - 0.3) * 0.2 + 0.3 * (1 - 0.2)
    found = checked_accuracy(np.array([1]), np.array([2]), 2, 0.2, 0.3)
    assert found == pytest.approx(alone + both_or_none / 2)


@pytest.mark.parametrize("rates", [(0.1, 0.3), (0.6, 0.05)])
def test_against_chance(rates: tuple[float, float]) -> None:
    rng = np.random.default_rng(0)
    n, draws = 5, 4000
    means = np.zeros(draws)
    for correct, size in zip(CORRECT, SIZES, strict=True):
        right = np.arange(size) < correct
        chosen = right[np.argsort(rng.random((draws, size)), axis=1)[:, :n]]
        accepted = rng.random((draws, n)) < np.where(chosen, 1 - rates[1], rates[0])
        among = np.where(accepted.any(axis=1, keepdims=True), accepted, True)
        means += (among * chosen).sum(axis=1) / among.sum(axis=1) / CORRECT.size
    assert_same_mean(Estimate.of(means), checked_accuracy(CORRECT, SIZES, n, *rates))


def test_tolerance_is_where_the_gain_ends() -> None:
    without = 0.5
    found = tolerance(CORRECT, SIZES, 5, without)
    assert 0 < found.false_positive < 1
    assert 0 < found.false_negative < 1
    at = [
        checked_accuracy(CORRECT, SIZES, 5, found.false_positive, 0.0),
        checked_accuracy(CORRECT, SIZES, 5, 0.0, found.false_negative),
    ]
    assert at == pytest.approx([without, without], abs=1e-9)


def test_tolerance_at_the_ends() -> None:
    mean = float((CORRECT / SIZES).mean())
    # Nothing to lose: even a check that accepts everything is as good as a random sample.
    assert tolerance(CORRECT, SIZES, 5, mean - 0.01) == (1.0, 1.0)
    # Nothing to gain.
    assert tolerance(CORRECT, SIZES, 5, 0.99) == (0.0, 0.0)


@given(st.integers(0, 10_000), st.integers(2, 60), st.sampled_from([1, 3, 1000]))
def test_roc_counts(seed: int, samples: int, kinds: int) -> None:
    rng = np.random.default_rng(seed)
    score = rng.integers(0, kinds, samples) / 7
    right = (rng.random(samples) < 0.5).astype(float)
    found = roc_curve(score, right)
    if right.min() == right.max():
        assert found is None
        return
    assert found is not None
    positive, negative = score[right == 1], score[right == 0]
    pairs = positive[:, None] - negative
    assert found.area == pytest.approx(((pairs > 0) + (pairs == 0) / 2).mean())
    # Each point is that of a threshold of the scores, from the highest down.
    thresholds = iter(sorted(set(score), reverse=True))
    for false_positive, false_negative in zip(
        found.false_positive, found.false_negative, strict=True
    ):
        assert any(
            np.isclose(false_positive, (negative >= threshold).mean())
            and np.isclose(false_negative, (positive < threshold).mean())
            for threshold in thresholds
        )
    assert found.false_positive[-1] == 1.0
    assert found.false_negative[-1] == 0.0
    assert (np.diff(found.false_positive) >= 0).all()
    assert (np.diff(found.false_negative) <= 0).all()
