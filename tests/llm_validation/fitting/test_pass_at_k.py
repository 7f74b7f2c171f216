from fractions import Fraction
from itertools import combinations
from math import comb

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.llm_validation.importing import FIXTURES
from verigap.llm_validation import read_traces
from verigap.llm_validation.fitting.fit import fit
from verigap.llm_validation.fitting.pass_at_k import largest_measured, pass_at_k
from verigap.llm_validation.traces import Traces

CASES = FIXTURES / "cases"


@st.composite
def correct_of(draw: st.DrawFn, most: int = 9) -> tuple[int, int]:
    samples = draw(st.integers(1, most))
    return draw(st.integers(0, samples)), samples


@given(correct_of())
def test_it_is_the_share_of_subsets_with_a_correct_sample(pair: tuple[int, int]) -> None:
    correct, samples = pair
    row = pass_at_k(np.array([correct]), np.array([samples]), samples)[0]
    for k in range(1, samples + 1):
        subsets = list(combinations(range(samples), k))
        solved = sum(min(subset) < correct for subset in subsets)
        assert row[k - 1] == pytest.approx(float(Fraction(solved, len(subsets))), abs=1e-14)


@given(st.lists(correct_of(200), min_size=1, max_size=8))
def test_monotone_in_k_and_unknown_beyond_the_samples(pairs: list[tuple[int, int]]) -> None:
    correct, samples = (np.array(column) for column in zip(*pairs, strict=True))
    table = pass_at_k(correct, samples, int(samples.max()) + 3)
    for row, c, n in zip(table, correct, samples, strict=True):
        assert np.isnan(row[n:]).all()
        assert (np.diff(row[:n]) >= 0).all()
        assert row[0] == pytest.approx(c / n, abs=1e-15)
        assert row[n - 1] == (1.0 if c else 0.0)


@pytest.mark.parametrize("success", [Fraction(1, 7), Fraction(1, 2), Fraction(9, 10)])
def test_unbiased_in_exact_fractions(success: Fraction) -> None:
    samples = 6
    correct = list(range(samples + 1))
    table = pass_at_k(np.array(correct), np.full(samples + 1, samples), samples)
    weight = [comb(samples, c) * success**c * (1 - success) ** (samples - c) for c in correct]
    for k in range(1, samples + 1):
        mean = sum(float(w) * p for w, p in zip(weight, table[:, k - 1], strict=True))
        assert mean == pytest.approx(float(1 - (1 - success) ** k), abs=1e-14)


@pytest.mark.parametrize(("samples", "expected"), [([5], 5), ([1, 9], 1), ([3, 2, 9], 2)])
def test_every_prompt_must_have_k_samples(samples: list[int], expected: int) -> None:
    assert largest_measured(np.array(samples)) == expected


def test_a_curve_never_falls_when_prompts_have_unequal_samples() -> None:
    """Over prompts of 2 to 10 samples, the well-sampled ones the harder."""
    rows = [
        {"prompt_id": f"p{prompt}", "correct": sample < solved, "n_tokens": 10}
        for prompt, (samples, solved) in enumerate([(10, 0), (10, 1), (2, 2), (2, 2), (3, 1)] * 5)
        for sample in range(samples)
    ]
    (group,) = fit(Traces(pl.DataFrame(rows)), [12], replicates=100, pass_at=(3, 5)).groups
    values = [group.pass_at_k[k].value.estimate for k in sorted(group.pass_at_k)]
    assert group.measured_k == 2
    assert (np.diff(values) >= 0).all()
    assert {row.prompts for row in group.pass_at_k.values()} == {25}


@pytest.mark.parametrize(
    ("file", "expected"), [("t", [0.3125, 0.4722]), ("zero", [0.1667, 0.3333, 0.5])]
)
def test_pass_at_k_of_unequal_samples(file: str, expected: list[float]) -> None:
    traces = read_traces(CASES / "passk-unequal-n" / f"{file}.jsonl")
    (group,) = fit(traces, [30], replicates=100).groups
    measured = [row.value.estimate for row in group.pass_at_k.values() if not row.extrapolated]
    assert measured == pytest.approx(expected, abs=5e-5)
