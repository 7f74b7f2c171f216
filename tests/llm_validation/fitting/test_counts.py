"""Trace tables collapsed to counts, against plain loops, and what is said of thin ones."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from verigap.llm_validation import fit
from verigap.llm_validation.fitting.content import as_content
from verigap.llm_validation.fitting.counts import GroupCounts, first_samples, group_counts
from verigap.llm_validation.traces import Traces

# (prompt, correct, first-correct index, correct at the end)
ROWS = [
    ("b", True, 4, True), ("b", True, 4, True), ("b", True, 9, False), ("b", False, None, None),
    ("a", True, 2, None), ("a", None, None, None), ("a", False, None, None),
    ("c", None, None, None), ("c", None, None, None),
    ("d", False, None, None), ("d", True, 7, True),
]  # fmt: skip


def traces(*models: str, unit: str = "tokens") -> Traces:
    frame = pl.DataFrame(
        [
            {"prompt_id": prompt, "correct": correct, "first_correct": first,
             "correct_at_end": end, "model": model, "unit": unit}
            for model in models or ("m",) for prompt, correct, first, end in ROWS
        ],
        schema_overrides={"first_correct": pl.Int64, "correct_at_end": pl.Boolean},
    )  # fmt: skip
    return Traces(frame)


@pytest.fixture
def counts() -> GroupCounts:
    (found,) = group_counts(traces())
    return found


def test_counts_of_each_prompt(counts: GroupCounts) -> None:
    assert counts.prompt_ids == ("a", "b", "d")
    assert counts.samples.tolist() == [2, 4, 2]
    assert counts.unverified.tolist() == [1, 0, 0]
    assert counts.correct.tolist() == [1, 3, 1]
    assert counts.lost.tolist() == [0, 1, 0]
    assert counts.unplaced.tolist() == [0, 0, 0]
    hits = zip(counts.prompt, counts.first_correct, counts.count, strict=True)
    assert [tuple(map(int, hit)) for hit in hits] == [(0, 2, 1), (1, 4, 2), (1, 9, 1), (2, 7, 1)]
    assert (counts.prompts, counts.left_out, counts.left_out_samples) == (3, 1, 2)
    assert (counts.end_unknown, counts.correct_only_at_end) == (1, 0)
    assert counts.total(np.array([1.0, 10.0, 100.0, 1000.0])).tolist() == [1.0, 120.0, 1000.0]


def test_within_a_budget_the_later_ones_are_no_hits(counts: GroupCounts) -> None:
    assert counts.within(7).correct.tolist() == [1, 2, 1]
    assert counts.within(6).correct.tolist() == [1, 2, 0]
    assert counts.within(6).samples.tolist() == [2, 4, 2]


def test_the_first_samples_are_those_of_the_smallest_numbers() -> None:
    rows = traces().frame.with_columns(sample_id=pl.int_range(pl.len(), 0, -1))
    (few,) = group_counts(first_samples(Traces(rows), 2))
    assert few.samples.tolist() == [1, 2, 2]
    assert few.correct.tolist() == [0, 1, 1]


def test_a_fit_says_what_it_was_made_from() -> None:
    content = as_content(fit(traces("m", "n"), [8], replicates=100), per_prompt=True)
    group = content["groups"][1]
    assert (content["unit"], content["level"], content["seed"], content["c0"]) == (
        "tokens", 0.95, 0, 0.1,
    )  # fmt: skip
    expected = {"dataset": "", "model": "n", "prompts": 3, "samples": 8, "unverified": 3,
                "prompts_left_out": 1, "measured_k": 2, "bi_level": "fails"}  # fmt: skip
    assert {key: group[key] for key in expected} == expected
    assert group["ungraded_bounds"]["ungraded"] == 3
    assert group["ungraded_bounds"]["samples"] == 11
    rows = group["per_prompt"]
    assert [(row["prompt_id"], row["samples"], row["unverified"], row["correct"]) for row in rows
            ] == [("a", 2, 1, 1), ("b", 4, 0, 3), ("d", 2, 0, 1)]  # fmt: skip
    # Returns are 7; 5, 5, 0, 0; and 2, 0.
    means = [row["horizons"][0]["mean_return"] for row in rows]
    spreads = [row["horizons"][0]["sigma_over_h_naive"] for row in rows]
    assert means == pytest.approx([3.5, 2.5, 1.0])
    assert spreads == pytest.approx([3.5 / 8, 2.5 / 8, 1.0 / 8])
    assert all(0.0 < row["horizons"][0]["sigma_over_h"] < 0.5 for row in rows)
    assert {key: row["estimate"] for key, row in group["pass_at_k"].items()} == pytest.approx(
        {"1": (0.5 + 0.75 + 0.5) / 3, "2": 1.0} | {
            key: row["estimate"] for key, row in group["pass_at_k"].items() if int(key) > 2}
    )  # fmt: skip
    assert [key for key, row in group["pass_at_k"].items() if row["extrapolated"]] == [
        "4", "8", "20",
    ]  # fmt: skip
    assert group["mean_first_correct"]["estimate"] == pytest.approx(
        (2 / 2 + (4 + 4 + 9) / 4 + 7 / 2) / (1 / 2 + 3 / 4 + 1 / 2)
    )


@pytest.mark.parametrize(
    ("prompts", "samples", "expected"),
    [
        (1, 9, ["one prompt: nothing shows how prompts differ, so there are no intervals"]),
        (19, 9, ["19 prompts: intervals are rough below 20 prompts"]),
        (20, 8, []),
        (20, 7, ["7 samples a prompt: sigma and coverage rest on the assumed family of laws below "
                 "8 samples"]),
        (20, 1, ["one sample a prompt: the spread within prompts (sigma, coverage, pass@k for k > "
                 "1) is not identified; what is shown rests on the assumed family"]),
    ],
)  # fmt: skip
def test_thin_tables_are_told_in_these_words(
    prompts: int, samples: int, expected: list[str]
) -> None:
    cells = [(prompt, sample) for prompt in range(prompts) for sample in range(samples)]
    frame = pl.DataFrame(
        {"prompt_id": [str(prompt) for prompt, _ in cells], "correct": True, "first_correct": 3}
    )
    (group,) = fit(Traces(frame), [8], replicates=100).groups
    assert list(group.warnings) == expected
