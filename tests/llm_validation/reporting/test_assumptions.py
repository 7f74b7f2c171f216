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


def texts(frame: pl.DataFrame, coverage: Coverage | None = None, **given: Any) -> dict[str, str]:
    """What is said of a table, by name."""
    traces = Traces(frame)
    asked = {"horizon": 2048, "mixed": 20, "extrapolated": False} | given
    found = check_assumptions(traces.frame, group_counts(traces)[0], coverage, **asked)
    return {row.name: f"{row.text} {row.remedy}".strip() for row in found}


def test_what_fails_is_said_with_its_numbers() -> None:
    unknown = pl.col("sample_id") < 3
    ends = texts(sound().drop("first_correct").with_columns(
        n_tokens=10 + 3 * pl.col("sample_id"), unit=pl.lit("words"),
        correct=pl.when(~unknown).then("correct")), extrapolated=True, mixed=9)  # fmt: skip
    assert ends["unverified"].startswith("37.5 % of the samples could not be verified")
    assert ends["few_mixed_prompts"].split(";")[1].startswith(" there are 9. Take prompts")
    assert ends["known_only_at_end"].startswith("100 % of the correct samples are only known")
    assert ends["known_only_at_end"].endswith("Record the word at which each trace is first "
                                              "correct.")  # fmt: skip
    assert ends["unit"].startswith("Lengths are in words, not in the tokens")
    assert ends["extrapolated"].startswith("The budget of 2,048 words is beyond the longest trace")
    few = texts(sound().filter(pl.col("prompt_id") == "prompt 4"))
    assert few["few_prompts"].startswith("Intervals resample prompts, and 1 are too few")
    samplers = texts(sound().with_columns(
        sampling=pl.concat_str(pl.lit("T="), pl.col("sample_id") % 3)))  # fmt: skip
    assert samplers["several_samplers"].startswith("The samples come from 3 sampling settings")
    lost = texts(sound().with_columns(correct_at_end=pl.col("correct") & (pl.col("sample_id") > 2)))
    total, early = (
        sound().filter("correct", condition).height
        for condition in (pl.lit(value=True), pl.col("sample_id") <= 2)
    )
    assert lost["bi_level"].startswith(f"{early} of {total} correct traces lose their right answer")


@pytest.mark.parametrize(("reverse", "who"), [(False, "Later"), (True, "Earlier")])
def test_whether_later_or_earlier_samples_are_better(who: str, *, reverse: bool) -> None:
    frame = rows(prompts=24).with_columns(
        sample_id=7 - pl.col("sample_id") if reverse else pl.col("sample_id")
    )
    drift = abs(order_drift(Traces(frame).frame))
    assert texts(frame)["not_exchangeable"].startswith(
        f"{who} samples of a prompt are correct more often ({drift:.1f} standard errors): "
    )


@pytest.mark.parametrize(("low", "high", "fails"), [(40, 49, True), (40, 50, False)])
def test_indices_that_lie_together(low: int, high: int, *, fails: bool) -> None:
    """Of ten correct samples the fastest and the slowest do not count."""
    first = [1, low, *[low] * 7, high, 400]
    frame = pl.DataFrame(
        {"prompt_id": [str(i) for i in range(11)], "correct": True, "first_correct": first}
    )
    found = texts(frame)
    assert ("constant_hitting_times" in found) is fails
    if fails:
        assert found["constant_hitting_times"].startswith(
            f"Four of five correct samples are first correct between {low} and {high} tokens."
        )


@pytest.mark.parametrize(
    ("tenth", "says"),
    [
        (0.01, None),
        (0.0099, "below 0.0099"),
        (1e-6, "below 0.0001"),
        (float("nan"), "unknown"),
    ],
)
def test_coverage_that_is_tiny(tenth: float, says: str | None) -> None:
    nothing = Statistic(*[float("nan")] * 3)
    found = texts(sound(), Coverage(1.0, nothing, 0.0, {0.1: tenth}, nothing))
    assert ("tiny_coverage" in found) is (says is not None)
    if says is not None:
        # Those of 24 that are solved 0 times: prompts 0, 9 and 18.
        assert found["tiny_coverage"].startswith(
            "3 of 24 prompts have no correct sample; on a tenth of the prompts the coverage c*(1) "
            f"is {says}. "
        )
    assert "tiny_coverage" not in texts(
        sound().with_columns(correct=pl.lit(value=True), first_correct=pl.lit(9)),
        Coverage(1.0, nothing, 0.0, {0.1: float("nan")}, nothing),
    )


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
