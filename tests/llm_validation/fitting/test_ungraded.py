"""What is said where samples are ungraded, or nobody knows how long they are."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from tests.llm_validation.importing import FIXTURES
from verigap.llm_validation import read_traces
from verigap.llm_validation.fitting.content import as_content
from verigap.llm_validation.fitting.fit import fit
from verigap.llm_validation.fitting.ungraded import ungraded_bounds
from verigap.llm_validation.laws import reward_laws
from verigap.llm_validation.measuring.measure import measure
from verigap.llm_validation.traces import Traces
from verigap.storage.tables import TableError

VERDICTS = [[True, None, False, False], [False, False, None, None], [None] * 4, [True] * 4]


def ungraded() -> Traces:
    rows = [
        {"prompt_id": f"p{prompt}", "correct": correct, "n_tokens": 10}
        for prompt, verdicts in enumerate(VERDICTS)
        for correct in verdicts
    ]
    return Traces(pl.DataFrame(rows))


def test_bounds_with_all_of_it_wrong_and_all_of_it_right() -> None:
    (group,) = fit(ungraded(), [12], replicates=100).groups
    bounds = group.counts.ungraded
    assert bounds is not None
    assert (bounds.ungraded, bounds.samples) == (7, 16)
    assert bounds.mean_correct == pytest.approx(((0.25 + 1) / 4, (0.5 + 0.5 + 1 + 1) / 4))
    assert bounds.pass_at_k[4] == pytest.approx((0.5, 1.0))
    assert bounds.mean_correct[0] < group.mean_correct.estimate < bounds.mean_correct[1]
    assert sum("7 of 16 samples are ungraded" in warning for warning in group.warnings) == 1
    content = as_content(fit(ungraded(), [12], replicates=100))["groups"][0]
    assert content["ungraded_bounds"]["mean_correct"] == pytest.approx([0.3125, 0.75])


def test_the_bounds_hold_for_every_completion() -> None:
    correct, graded, open_ = np.array([1, 0, 2]), np.array([2, 1, 2]), np.array([1, 2, 1])
    bounds = ungraded_bounds(correct, graded, open_)
    assert bounds is not None
    samples = graded + open_
    for extra in np.ndindex(2, 3, 2):
        mean = float(((correct + np.array(extra)) / samples).mean())
        assert bounds.mean_correct[0] <= mean <= bounds.mean_correct[1]
    assert ungraded_bounds(correct, graded, np.zeros(3, int)) is None


def test_the_sentence_names_pass_at_k_of_several_samples_only() -> None:
    one = ungraded_bounds(np.array([1, 0]), np.array([1, 0]), np.array([0, 1]))
    assert one is not None
    assert one.sentence() == (
        "1 of 2 samples are ungraded and left out: with all of them wrong the mean is 0.5, with "
        "all right 1"
    )
    two = ungraded_bounds(np.array([1, 0]), np.array([2, 1]), np.array([0, 1]))
    assert two is not None
    assert two.sentence().endswith("the mean is 0.25, with all right 0.5 (pass@2: 0.5 to 1)")


def test_measure_says_the_same() -> None:
    (group,) = measure(ungraded(), [12], data_budgets=[16], seeds=2)
    assert group.warnings[0].startswith("7 of 16 samples are ungraded and left out")


def test_a_table_without_lengths_has_accuracy_and_pass_at_k() -> None:
    traces = read_traces(FIXTURES / "cases/only-id-and-correct/t.csv")
    (group,) = fit(traces, [8], replicates=100).groups
    assert group.mean_correct.estimate == pytest.approx(0.375)
    assert group.measured_k == 4
    assert group.pass_at_k[4].value.estimate > group.pass_at_k[1].value.estimate
    assert group.horizon_fits == ()
    assert any("30 correct samples have neither first_correct nor" in w for w in group.warnings)


def test_what_needs_a_budget_is_refused_without_lengths() -> None:
    traces = read_traces(FIXTURES / "cases/only-id-and-correct/t.csv")
    with pytest.raises(TableError, match="30 correct traces have neither first_correct nor n_tok"):
        measure(traces, [8])
    with pytest.raises(TableError, match="30 correct traces have neither first_correct nor n_tok"):
        reward_laws(traces, [8])
