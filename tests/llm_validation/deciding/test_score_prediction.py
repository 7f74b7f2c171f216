"""Best-of-N predicted from ROC curves: against enumeration, and measured on the code pack."""

import itertools
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from tests.llm_validation.deciding.made_outcomes import made
from verigap.llm_validation import read_traces
from verigap.llm_validation.deciding import arms
from verigap.llm_validation.deciding.outcomes import Outcomes, outcomes_at
from verigap.llm_validation.deciding.score_prediction import (
    halved_predictions,
    own_curves,
    pooled_curves,
    same_prompt_correlation,
)
from verigap.llm_validation.pools import sample_pools
from verigap.storage.tables import TableError
from verigap.theory import scored_best_of_n_value

# Thousands of small predictions; tests/theory/test_scored_verifier.py checks the annotations.
pytestmark = pytest.mark.usefixtures("unchecked_annotations")

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"


def best(score: np.ndarray, right: np.ndarray, drawn: tuple[int, ...]) -> float:
    """Mean accuracy of the best scored draws, ties at random."""
    scores = np.nan_to_num(score[list(drawn)], nan=-np.inf)
    return float(right[list(drawn)][scores == scores.max()].mean())


def small(seed: int, prompts: int, samples: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    score = rng.integers(0, 3, (prompts, samples)) / 2
    score[0, 0] = np.nan
    return score, (rng.random((prompts, samples)) < 0.5).astype(float)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_own_curves_are_worth_what_draws_with_replacement_are(n: int) -> None:
    score, right = small(0, 3, 4)
    mask = np.ones(score.shape, bool)
    mask[1, 3] = False
    found = np.asarray(scored_best_of_n_value(own_curves(score, right, mask), float(n)))
    for prompt, value in enumerate(found):
        draws = itertools.product(np.flatnonzero(mask[prompt]).tolist(), repeat=n)
        expected = np.mean([best(score[prompt], right[prompt], each) for each in draws])
        assert value == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("n", [2, 3])
def test_in_the_mean_over_halves_n_draws_are_worth_the_distinct_ones_that_they_hold(n: int) -> None:
    score, right = small(1, 1, 6)
    every = np.ones(score.shape, bool)
    predicted = []
    for half in itertools.combinations(range(6), 3):
        mask = np.isin(np.arange(6), half)[None, :]
        law = own_curves(score, right, mask)
        predicted.append(float(scored_best_of_n_value(law, float(n))[0]))
    distinct = [len(set(each)) for each in itertools.product(range(3), repeat=n)]
    expected = np.mean([arms.best_scored(score, right, every, d)[0] for d in distinct])
    assert np.mean(predicted) == pytest.approx(expected, abs=1e-12)


def test_pooled_curves_are_those_of_all_other_samples() -> None:
    score = np.array([[0.0, 1.0], [0.0, 1.0], [1.0, 1.0]])
    right = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    found = pooled_curves(score, right, np.ones((3, 2), bool))
    # Scores of wrong and right samples of the two others, at 0 and 1.
    expected = [
        [[0.5, 0.5], [0.0, 1.0]],
        [[0.0, 1.0], [0.5, 0.5]],
        [[0.5, 0.5], [0.5, 0.5]],
    ]
    np.testing.assert_allclose(found.likelihood, expected)
    np.testing.assert_allclose(found.law.probabilities, 0.5)


def test_a_prompt_without_scores_is_worth_a_random_sample_and_tells_nothing() -> None:
    rng = np.random.default_rng(0)
    score = np.vstack([rng.random((3, 8)), np.full((1, 8), np.nan)])
    right = (rng.random((4, 8)) < 0.5).astype(float)
    every = np.ones(score.shape, bool)
    found, without = (
        pooled_curves(score, right, every),
        pooled_curves(score[:3], right[:3], every[:3]),
    )
    values = np.asarray(scored_best_of_n_value(found, 5.0))
    assert values[3] == pytest.approx(right[3].mean())
    np.testing.assert_allclose(values[:3], scored_best_of_n_value(without, 5.0))


def test_where_errors_are_independent_of_the_prompt_one_curve_will_do() -> None:
    rng = np.random.default_rng(0)
    right = rng.random((200, 80)) < rng.random((200, 1)) * 0.6
    score = np.round(rng.normal(size=right.shape) + right)
    found = halved_predictions(made(right, score=score), [1, 4, 16], pairs=1, seed=0)
    # Of a prompt's own 40 samples 16 draws hold 13 distinct ones.
    for predicted, most in ((found.own, 0.02), (found.pooled, 0.012)):
        assert abs((predicted - found.measured).mean(axis=0)).max() < most
    assert found.counts == (1, 4, 16)


def test_the_curve_of_another_prompt_by_brute_force() -> None:
    right = np.array([[1, 1, 0, 0], [1, 0, 1, 0], [0, 0, 0, 0]])
    score = np.array([[1.0, 1.0, 0.0, 0.0], [0.0, 1.0, 0.0, 1.0], [0.5, 0.5, 0.0, 0.0]])
    found = made(np.tile(right, 50), score=np.tile(score, 50))
    measured = halved_predictions(found, [2], pairs=20, seed=0)
    # The first prompt has the curve of the second, where the score is the wrong way round, and vice
    # versa; the third has no right samples, and no curve to give.
    assert measured.others.mean() == pytest.approx((0.25 + 0.75 + 0.0) / 3, abs=0.01)
    assert measured.own.mean() == pytest.approx((0.75 + 0.25 + 0.0) / 3, abs=0.01)


@cache
def code() -> Outcomes:
    traces = read_traces(EXAMPLES / "humaneval_codegen16b.parquet")
    (pools,) = sample_pools(traces, placed=False)
    return outcomes_at(pools, None)


def test_on_code_own_curves_are_within_a_point_and_a_pooled_one_is_not() -> None:
    counts = [8, 16, 32]
    found = halved_predictions(code(), counts, pairs=2, seed=0)
    own, others, pooled = (
        dict(zip(counts, 100 * (each - found.measured).mean(axis=0), strict=True))
        for each in (found.own, found.others, found.pooled)
    )
    assert all(abs(own[n]) < 1.0 for n in counts if n <= 16)
    assert all(abs(others[n]) < 1.0 for n in counts if n <= 16)
    assert pooled[8] > 4
    assert pooled[32] > 14
    # Past the best N both halves fall, one less than the other for want of distinct samples.
    assert set(found.best_own) | set(found.best_measured) <= {4.0, 5.0, 6.0, 7.0}
    assert 0.5 < own[32] < 1.5


def test_scores_of_samples_of_one_prompt_of_a_published_table() -> None:
    """Shrout and Fleiss 1979, tables 2 and 4."""
    ratings = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
    table = np.array(ratings, float)
    every = np.ones(table.shape, bool)
    assert same_prompt_correlation(table, every) == pytest.approx(0.17, abs=0.005)
    # What is not chosen does not count, and a prompt without any neither.
    padded = np.vstack([np.hstack([table, np.full((6, 2), np.nan)]), np.full((1, 6), np.nan)])
    assert same_prompt_correlation(padded, np.isfinite(padded)) == pytest.approx(
        same_prompt_correlation(table, every)
    )


def test_refusals() -> None:
    with pytest.raises(TableError, match="give the table a verifier_score"):
        halved_predictions(made([[1, 0]]), [1], seed=0)
    with pytest.raises(TableError, match="at least two samples of every prompt"):
        halved_predictions(made([[1]], score=[[1.0]]), [1], seed=0)


def test_beyond_the_other_half_nothing_is_measured() -> None:
    score, right = np.random.default_rng(0).random((2, 4, 6))
    found = halved_predictions(made(right < 0.5, score=score), [3, 4], pairs=1, seed=0)
    assert np.isnan(found.measured).tolist() == [[False, True]] * 2
    assert np.isfinite(found.own).all()
