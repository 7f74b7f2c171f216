"""Prompts that only their spelling tells apart."""

from __future__ import annotations

import polars as pl
import pytest

from verigap.llm_validation.importers.identity import written_differently


def said(*names: str, models: tuple[str, ...] = ("m",)) -> str | None:
    rows = [("d", model, name) for model in models for name in names]
    return written_differently(
        pl.DataFrame(rows, schema=["dataset", "model", "prompt_id"], orient="row")
    )


@pytest.mark.parametrize(
    "names",
    [
        ("1", "01"),
        ("1", "1.0"),
        ("1", " 1"),
        ("1", "1 "),
        ("1", '"1"'),
        ("-7", "-07.0"),
        ("0", "00"),
        ("q1", "Q1"),
        ("q 1", " q 1\u00a0"),
        ("12", "+12"),
    ],
)
def test_spellings_of_one_prompt_are_pointed_out(names: tuple[str, str]) -> None:
    note = said(*names, "other")
    assert note is not None
    assert note.startswith("1 prompt is there in several spellings")
    assert all(f'"{name}"' in note for name in names)


@pytest.mark.parametrize(
    "names",
    [
        ("1", "10"),
        ("1", "-1"),
        ("900", "901"),
        ("1.5", "1.50"),
        ("q1", "q01"),
        ("a.0", "a"),
        ("0",),
    ],
)
def test_other_prompts_are_not(names: tuple[str, ...]) -> None:
    assert said(*names) is None


def test_two_models_may_spell_alike() -> None:
    frame = pl.DataFrame({"dataset": ["d", "d"], "model": ["m", "n"], "prompt_id": ["1", "1.0"]})
    assert written_differently(frame) is None
