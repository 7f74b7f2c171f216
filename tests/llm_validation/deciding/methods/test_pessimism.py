"""Best-of-N with pessimism on pools, against every set of candidates and on the code pack."""

import itertools
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.llm_validation.deciding.made_outcomes import made, samples_of_one, subsets
from verigap.llm_validation import read_traces
from verigap.llm_validation.deciding import arms
from verigap.llm_validation.deciding.candidates import Candidates, gather
from verigap.llm_validation.deciding.methods.pessimism import (
    pessimistic_best_of_n,
    pessimistic_values,
    regularisations,
)
from verigap.llm_validation.deciding.outcomes import Outcomes, outcomes_at
from verigap.llm_validation.pools import sample_pools

SIZE = 6
CODE = Path(__file__).resolve().parents[4] / "examples" / "humaneval_codegen16b.parquet"


@given(samples_of_one(SIZE), st.integers(1, SIZE), st.sampled_from([0.1, 1.0, 30.0]))
def test_every_set(samples: dict[str, np.ndarray], n: int, beta: float) -> None:
    found = made(**samples)
    expected = []
    for chosen in itertools.combinations(range(SIZE), n):
        scores = found.score[0, list(chosen)]
        # By bisection, from below every score's threshold to the largest score.
        low, high = scores.min() - beta - 1.0, scores.max()
        for _ in range(200):
            middle = (low + high) / 2
            above = np.maximum(scores - middle, 0.0).mean() > beta
            low, high = (middle, high) if above else (low, middle)
        weight = np.maximum(scores - low, 0.0)
        right = found.rewards["accuracy"][0, list(chosen)]
        expected.append(weight @ right / weight.sum())
    earned = pessimistic_values(found, subsets(found, n), beta)
    assert earned[0] == pytest.approx(np.mean(expected), abs=1e-9)


def test_unknown_scores_are_the_lowest() -> None:
    found = made([[1, 0, 0]], score=[[np.nan, 0.2, 0.6]])
    assert pessimistic_values(found, subsets(found, 3), 0.01)[0] == 0.0
    blind = made([[1, 0, 0]], score=[[np.nan] * 3])
    assert pessimistic_values(blind, subsets(blind, 3), 0.01)[0] == pytest.approx(1 / 3)


@cache
def code() -> Outcomes:
    (pools,) = sample_pools(read_traces(CODE), placed=False)
    return outcomes_at(pools, None)


def test_pessimism_stops_the_fall_of_best_of_n_on_code() -> None:
    """The mechanism of arXiv 2503.21878 on a verifier that really errs."""
    found = code()
    counts, best, leashed = (1, 4, 32, 100), [], []
    for n in counts:
        sets = Candidates.of(found, n, seed=0)
        best.append(arms.best_scored(found.score, found.rewards["accuracy"], found.mask, n).mean())
        leashed.append(pessimistic_values(found, sets, 0.05).mean())
        freed = arms.best_of(
            sets,
            np.nan_to_num(gather(found.score, sets.index), nan=-1.0),
            found.rewards["accuracy"],
        )
        assert pessimistic_values(found, sets, 1e-6).mean() == pytest.approx(freed.mean(), abs=1e-4)
    assert counts[int(np.argmax(best))] == 4
    assert best[-1] == pytest.approx(0.2172, abs=5e-5)
    assert leashed[-1] == pytest.approx(0.3148, abs=5e-5)
    assert min(np.diff(leashed)) > -0.002
    assert leashed[-1] > max(best) + 0.01


@pytest.mark.long
def test_a_learned_strength_stops_it_too() -> None:
    found = code()
    sets = Candidates.of(found, 100, seed=0)
    measured = pessimistic_best_of_n(found, sets, 8_200, seed=0)
    assert measured is not None
    assert measured.labels == 8_200
    assert measured.values.mean() > 0.30
    assert pessimistic_best_of_n(found, sets, 99, seed=0) is None


def test_what_is_tried_has_the_unit_of_the_score() -> None:
    found = made([[1, 0]], score=[[2.0, 12.0]])
    np.testing.assert_allclose(regularisations(found)[[0, -1]], [0.1, 10.0])
    same = made([[1, 0]], score=[[3.0, 3.0]])
    assert pessimistic_best_of_n(same, subsets(same, 2), 10, seed=0) is None
