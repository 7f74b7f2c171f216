"""Prompts with different numbers of samples: which N is decided about, and what is said of it."""

import polars as pl
import pytest

from tests.llm_validation.reporting.builders import diagnosis, group, rows
from verigap.llm_validation.reporting.content import diagnosis_content


def content(kept: pl.Expr, candidates: int) -> dict:
    """The report on 18 prompts of up to 8 samples."""
    found = group(rows().filter(kept), theory=False, num_candidates=candidates)
    (made,) = diagnosis_content(diagnosis(found))["groups"]
    return made


def test_a_few_short_prompts_do_not_make_n_smaller() -> None:
    # 6 of 18 prompts have one sample.
    short = pl.col("prompt_id").str.extract(r"(\d+)").cast(pl.Int64) < 6
    found = content(~short | (pl.col("sample_id") == 0), 4)
    assert (found["select"]["num_candidates"], found["select"]["left_out"]) == (4, 6)
    assert any(note.startswith("6 of 18 prompts have fewer than") for note in found["warnings"])
    # The arms are those of the 12 prompts that have all.
    (alone,) = diagnosis_content(
        diagnosis(group(rows().filter(~short), theory=False, num_candidates=4))
    )["groups"]
    for one, other in zip(found["select"]["arms"], alone["select"]["arms"], strict=True):
        if "learned" not in one["arm"]:
            assert one["accuracy"] == pytest.approx(other["accuracy"]), one["arm"]


def test_n_of_one_is_told_from_one_sample() -> None:
    asked = content(pl.lit(value=True), 1)["select"]
    assert (
        "with one candidate a prompt there is nothing to"
        in asked["decision"]["accuracy"]["sentence"]
    )
    only = content(pl.col("sample_id") == 5, 4)["select"]
    assert "with one sample a prompt there" in only["decision"]["accuracy"]["sentence"]
