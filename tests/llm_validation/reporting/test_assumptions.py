"""Assumptions that fail are found, and those that hold are not reported."""

from itertools import permutations
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.llm_validation.reporting.builders import rows
from verigap.llm_validation.fitting.counts import group_counts
from verigap.llm_validation.fitting.population import Coverage
from verigap.llm_validation.intervals import Statistic
from verigap.llm_validation.reporting.assumptions import check_assumptions, order_drift
from verigap.llm_validation.traces import Traces


def failing(frame: pl.DataFrame, coverage: float = 0.2, **given: Any) -> set[str]:
    """Names of the assumptions that fail."""
    nothing = Statistic(*[float("nan")] * 3)
    traces = Traces(frame)
    found = check_assumptions(
        traces.frame,
        group_counts(traces)[0],
        Coverage(1.0, nothing, 0.0, {0.1: coverage}, nothing),
        **({"horizon": 64, "mixed": 20, "extrapolated": False} | given),
    )
    unknown = "correct_at_end" not in frame.columns
    unchecked = ["bi_level"] if unknown else []
    assert [row.name for row in found if row.status == "unchecked"] == unchecked
    assert all(row.text for row in found)
    return {row.name for row in found if row.status == "fails"}


def sound() -> pl.DataFrame:
    """Traces of which nothing fails."""
    rng = np.random.default_rng(0)
    numbers = np.concatenate([rng.permutation(8) for _ in range(24)])
    return rows(prompts=24).with_columns(sample_id=pl.Series(numbers))


@pytest.mark.smoke
def test_nothing_fails_of_sound_traces() -> None:
    assert failing(sound()) == set()


@pytest.mark.parametrize(
    ("name", "frame"),
    [
        ("few_prompts", sound().filter(pl.col("prompt_id").str.len_chars() == 8)),
        ("unverified", sound().with_columns(
            correct=pl.when(pl.col("sample_id") > 0).then("correct"),
            first_correct=pl.when(pl.col("sample_id") > 0).then("first_correct"),
        )),
        ("unit", sound().with_columns(unit=pl.lit("words"))),
        ("known_only_at_end", sound().drop("first_correct").with_columns(
            n_tokens=10 + 3 * pl.col("sample_id"))),
        ("constant_hitting_times", sound().with_columns(
            first_correct=pl.when("correct").then(30))),
        ("several_samplers", sound().with_columns(
            sampling=pl.when(pl.col("sample_id") > 3).then(pl.lit("T=1")))),
        ("not_exchangeable", rows(prompts=24)),
    ],
)  # fmt: skip
def test_what_fails_is_named(name: str, frame: pl.DataFrame) -> None:
    assert failing(frame) == {name}


def test_correctness_that_is_lost_again_is_no_bi_level_reward() -> None:
    """The column says of each trace whether its last answer is correct."""
    kept = sound().with_columns(correct_at_end=pl.col("correct"))
    assert failing(kept) == set()
    lost = kept.with_columns(correct_at_end=pl.col("correct") & (pl.col("sample_id") > 2))
    assert failing(lost) == {"bi_level"}


def test_thresholds() -> None:
    for prompts, few in ((19, True), (20, False)):
        kept = sound().filter(pl.col("prompt_id").is_in([f"prompt {i}" for i in range(prompts)]))
        assert ("few_prompts" in failing(kept)) is few
    # 192 samples, of which one may be unverified and two may not.
    for unknown, fails in ((1, False), (2, True)):
        kept = sound().with_columns(
            correct=pl.when(pl.int_range(pl.len()) >= unknown).then("correct"),
            first_correct=pl.when(pl.int_range(pl.len()) >= unknown).then("first_correct"),
        )
        assert ("unverified" in failing(kept)) is fails


def test_what_the_caller_knows() -> None:
    assert failing(sound(), mixed=9) == {"few_mixed_prompts"}
    assert failing(sound(), extrapolated=True) == {"extrapolated"}
    assert failing(sound(), coverage=0.001) == {"tiny_coverage"}
    one = sound().filter(pl.col("sample_id") == 0)
    assert "one_sample" in failing(one)


@given(st.lists(st.booleans(), min_size=2, max_size=6))
def test_drift_is_standardised_exactly(correct: list[bool]) -> None:
    """Against every order of the samples of one prompt."""
    assume(0 < sum(correct) < len(correct))
    ranks = np.arange(1, len(correct) + 1)
    sums = [float(ranks[np.array(order)].sum()) for order in permutations(correct)]
    expected = (float(ranks[np.array(correct)].sum()) - np.mean(sums)) / np.std(sums)
    frame = pl.DataFrame(
        {"prompt_id": "p", "correct": correct, "sample_id": list(range(len(correct)))}
    )
    assert order_drift(frame) == pytest.approx(expected, abs=1e-9)


def test_drift_adds_up_over_prompts() -> None:
    frame = pl.DataFrame({"prompt_id": "p", "correct": [False, True], "sample_id": [5, 9]})
    many = pl.concat([frame.with_columns(prompt_id=pl.lit(str(i))) for i in range(16)])
    assert order_drift(frame) == pytest.approx(1.0)
    assert order_drift(many) == pytest.approx(4.0)
    assert order_drift(many.with_columns(correct=pl.lit(value=True))) == 0.0


@pytest.mark.parametrize("every", [2, 3, 5])
def test_some_correct_samples_may_lack_a_place(every: int) -> None:
    frame = sound()
    lost = pl.col("correct") & (pl.int_range(pl.len()) % every == 0)
    lacking = frame.with_columns(
        first_correct=pl.when(~lost).then("first_correct"),
        n_tokens=pl.when(~lost).then("n_tokens"),
    )
    assert "constant_hitting_times" not in failing(lacking)
