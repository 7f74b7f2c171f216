"""Copies among the samples of a prompt are told: they count as samples, and are none."""

from dataclasses import replace

import polars as pl
import pytest

from tests.llm_validation.reporting.builders import diagnosis, rows
from verigap.llm_validation.reporting.content import diagnosis_content
from verigap.llm_validation.reporting.diagnosis import Diagnosis

NUMBERED = pl.format("{} of {}", "sample_id", "prompt_id")
# Two rows of every text, in each prompt.
TWICE = pl.format("{} of {}", pl.col("sample_id") // 2, "prompt_id")


def repeats(usual: Diagnosis, text: pl.Expr) -> list[str]:
    """The notes about repeated texts of a report whose samples have these."""
    (whole,) = usual.groups
    changed = replace(whole, rows=rows().with_columns(text=text))
    (found,) = diagnosis_content(diagnosis(changed))["groups"]
    return [note for note in found["warnings"] if "letter by letter" in note]


def test_a_file_that_was_joined_with_itself(usual: Diagnosis) -> None:
    (note,) = repeats(usual, TWICE + "x" * 100)
    assert note.startswith("72 of 144 texts of 100 characters or more repeat an earlier one")


@pytest.mark.parametrize(
    "text",
    [
        NUMBERED + "x" * 100,
        # Short replies are alike by chance, and so are those of different prompts.
        TWICE,
        pl.format("{}", "sample_id") + "x" * 100,
        pl.lit(None, pl.String),
        # One in ten may be a greedy sample beside the others.
        pl.when(pl.col("sample_id") < 7).then(NUMBERED).otherwise(pl.lit("last")) + "x" * 100,
    ],
)
def test_texts_that_are_no_copies(usual: Diagnosis, text: pl.Expr) -> None:
    assert repeats(usual, text) == []
