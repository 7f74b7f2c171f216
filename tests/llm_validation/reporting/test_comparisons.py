"""What report.json says of several models on the same prompts."""

import polars as pl
import pytest

from tests.llm_validation.reporting.builders import (
    diagnosis,
    group,
    pass_at,
    rows,
)
from verigap.llm_validation.reporting.content import diagnosis_content
from verigap.llm_validation.reporting.markdown import render_markdown


def test_several_models_are_compared_on_their_prompts() -> None:
    right = rows(model="better", correct=True, first_correct=10)
    other = rows(dataset="other", model="apart")
    traces = diagnosis(
        *(group(frame, theory=False) for frame in (rows(model="base"), right, other))
    )
    (pair,) = diagnosis_content(traces)["comparisons"]
    assert (pair["model"], pair["other"], pair["prompts"]) == ("better", "base", 18)
    differences = {row["arm"]: row for row in pair["differences"]}
    assert differences["single"]["estimate"] == pytest.approx(0.5)
    assert differences["exact"]["estimate"] == pytest.approx(1 - pass_at(4))
    assert differences["single"]["low"] > 0
    assert pair["sentence"].startswith(
        "At H = 64 tokens, accuracy on 18 prompts that both have, first less second: "
        "one sample: 50 ["
    )
    assert "; best of 4 by an exact check: 20 [" in pair["sentence"]
    # The page has a table of it; what is read in a chat or a terminal has the sentence.
    written = render_markdown(diagnosis_content(traces))
    assert f"better and base: {pair['sentence']}" in written
    assert "other models" not in render_markdown(
        diagnosis_content(diagnosis(group(right, theory=False)))
    )


def late(model: str, longest: int, unit: str = "tokens") -> pl.DataFrame:
    """Every sample is right, at the end; half of them are as long as the longest."""
    lengths = pl.when(pl.col("sample_id") % 2 == 0).then(longest).otherwise(20)
    return rows(model=model, correct=True, unit=unit).with_columns(
        n_tokens=lengths, first_correct=lengths
    )


def test_models_of_different_budgets_are_compared_at_one() -> None:
    """The longest traces are 30 and 60: at 60 nothing is known of the first model's longer ones."""
    traces = diagnosis(
        *(group(late(m, n), horizon=None, theory=False) for m, n in (("a", 30), ("b", 60)))
    )
    content = diagnosis_content(traces)
    assert [each["budget"]["horizon"] for each in content["groups"]] == [30, 60]
    (pair,) = content["comparisons"]
    assert (pair["model"], pair["other"], pair["horizon"], pair["at"]) == (
        "b",
        "a",
        30,
        "30 tokens",
    )
    differences = {row["arm"]: row["estimate"] for row in pair["differences"]}
    assert differences["single"] == pytest.approx(-0.5)
    # Of any four samples one is short, but for one set in 70.
    assert differences["exact"] == pytest.approx(-1 / 70)


def test_lengths_of_different_units_have_no_budget_in_common() -> None:
    traces = diagnosis(
        *(
            group(late(m, 30, unit), horizon=None, theory=False)
            for m, unit in (("a", "tokens"), ("b", "words"))
        )
    )
    (pair,) = diagnosis_content(traces)["comparisons"]
    assert pair["differences"] == []
    assert pair["sentence"] == ("Not compared: lengths in words and in tokens have no H in common.")
    assert pair["at"] == "none in common: lengths in words and in tokens"


def test_whole_samples_are_compared_where_one_model_has_no_lengths() -> None:
    plain = rows(model="a").drop("n_tokens", "first_correct")
    traces = diagnosis(
        group(plain, horizon=None, theory=False),
        group(late("b", 60), horizon=30, theory=False),
    )
    (pair,) = diagnosis_content(traces)["comparisons"]
    assert (pair["horizon"], pair["at"]) == (None, "whole samples")
    (single,) = (row for row in pair["differences"] if row["arm"] == "single")
    assert single["estimate"] == pytest.approx(0.5)
