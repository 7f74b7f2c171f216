"""Samples drawn with different settings are groups of their own, and never pooled in silence."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.llm_validation.importing import run, write_lines
from verigap.cli.options import with_flags
from verigap.llm_validation.importers import settings
from verigap.storage.tables import TableError


def rows(*each: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"prompt_id": "p", "correct": True, **row} for row in each]


@pytest.mark.parametrize(
    ("first", "second", "labels"),
    [
        ({"temperature": 0.2}, {"temperature": 1.0}, ("temperature 0.2", "temperature 1")),
        ({"temperature": "0.20"}, {"temperature": 1}, ("temperature 0.2", "temperature 1")),
        ({"Temperature": 0.2}, {"Temperature": None}, ("temperature 0.2", "temperature unset")),
        ({"temp": 0}, {"temp": 0.5}, ("temperature 0", "temperature 0.5")),
        ({"sampling_top_p": 0.9}, {"sampling_top_p": 1}, ("top_p 0.9", "top_p 1")),
        ({"do_sample": True}, {"do_sample": False}, ("do_sample true", "do_sample false")),
        (
            {"reasoning_effort": "low"},
            {"reasoning_effort": "high"},
            ("reasoning_effort low", "reasoning_effort high"),
        ),
        ({"max_tokens": 512}, {"max_tokens": 2048}, ("max_tokens 512", "max_tokens 2048")),
        ({"step": 100}, {"step": 200}, ("step 100", "step 200")),
        (
            {"sampling_params": {"temperature": 0.2, "n": 4}},
            {"sampling_params": {"temperature": 0.9, "n": 8}},
            ("temperature 0.2", "temperature 0.9"),
        ),
        (
            {"sampling": '{"temperature": 0.2}'},
            {"sampling": '{"temperature": 0.9}'},
            ("temperature 0.2", "temperature 0.9"),
        ),
        (
            {"sampling": "temperature=0.2, top_p=1"},
            {"sampling": "temperature=0.9, top_p=1"},
            ("temperature 0.2", "temperature 0.9"),
        ),
        ({"sampling": "greedy"}, {"sampling": "nucleus"}, ("sampling greedy", "sampling nucleus")),
        (
            {"temperature": 0.2, "top_k": 5},
            {"temperature": 0.9, "top_k": 7},
            ("temperature 0.2, top_k 5", "temperature 0.9, top_k 7"),
        ),
    ],
)
def test_different_settings_are_different_groups(
    tmp_path: Path,
    first: dict[str, Any],
    second: dict[str, Any],
    labels: tuple[str, str],
) -> None:
    path = write_lines(tmp_path / "t.jsonl", *rows(first, second, first))
    done = run("table", tmp_path, path, model="m")
    assert done.column("model") == [f"m, {labels[0]}", f"m, {labels[1]}", f"m, {labels[0]}"]
    assert done.column("sample_id") == [0, 0, 1]
    assert done.report.prompts == 2
    (note,) = done.report.notes
    assert "are groups of their own" in note
    assert labels[0] in note


@pytest.mark.parametrize(
    "each",
    [
        [{"temperature": 0.7}] * 3,
        [{"temperature": 0.7}, {"temperature": "0.70"}, {"temp": 0.7}],
        [{"seed": 1}, {"seed": 2}, {"seed": 3}],
        [{"n": 1}, {"n": 2}, {"n": 3}],
        [{"temperature": None}, {}, {"temperature": float("nan")}],
        [{"colour": "red"}, {"colour": "blue"}, {}],
    ],
)
def test_equal_settings_change_no_name(tmp_path: Path, each: list[dict[str, Any]]) -> None:
    done = run("table", tmp_path, write_lines(tmp_path / "t.jsonl", *rows(*each)), model="m")
    assert done.column("model") == ["m", "m", "m"]
    assert done.report.notes == ()


def test_a_limit_made_for_each_prompt_is_no_group(tmp_path: Path) -> None:
    lines = [
        {"prompt_id": prompt, "correct": True, "max_tokens": limit}
        for prompt, limit in (("a", 100), ("a", 100), ("b", 300))
    ]
    done = run("table", tmp_path, write_lines(tmp_path / "t.jsonl", *lines), model="m")
    assert set(done.column("model")) == {"m"}
    lines.append({"prompt_id": "b", "correct": True, "max_tokens": 900})
    done = run("table", tmp_path, write_lines(tmp_path / "t.jsonl", *lines), model="m")
    assert len(set(done.column("model"))) == 3


def test_the_sample_numbers_of_the_settings_may_be_alike(tmp_path: Path) -> None:
    lines = rows({"sample_id": 0, "temperature": 0.2}, {"sample_id": 0, "temperature": 0.9})
    done = run("table", tmp_path, write_lines(tmp_path / "t.jsonl", *lines))
    assert done.rows("model", "sample_id") == [("temperature 0.2", 0), ("temperature 0.9", 0)]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_every_kind_of_table_is_read_so(tmp_path: Path, kind: str) -> None:
    import polars as pl

    frame = pl.DataFrame(rows({"temperature": 0.2}, {"temperature": 0.9}))
    path = tmp_path / f"t.{kind}"
    frame.write_csv(path) if kind == "csv" else frame.write_parquet(path)
    assert run("table", tmp_path, path).column("model") == ["temperature 0.2", "temperature 0.9"]


def test_a_column_that_is_mapped_has_the_meaning_it_is_given(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "t.jsonl", *rows({"temperature": 0.2}, {"temperature": 0.9}))
    done = run("table", tmp_path, path, mapping={"model": "temperature"})
    assert done.column("model") == ["0.2", "0.9"]
    done = run("table", tmp_path, path, mapping={"sampling": "temperature"}, model="m")
    assert done.column("model") == ["m, temperature 0.2", "m, temperature 0.9"]


def test_files_of_other_settings_are_other_groups(tmp_path: Path) -> None:
    files = [
        write_lines(tmp_path / f"{value}.jsonl", *rows({"temperature": value})) for value in (0, 1)
    ]
    assert run("table", tmp_path, *files).column("model") == ["temperature 0", "temperature 1"]


def test_a_column_of_many_values_is_no_setting(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "t.jsonl", *rows(*({"step": step} for step in range(100))))
    with pytest.raises(TableError, match=r"step: 100 different values, too many .*; keep the rows"):
        run("table", tmp_path, path)


def test_settings_are_kept(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "t.jsonl", *rows({"temperature": 0.7, "top_p": 1}))
    (kept,) = run("table", tmp_path, path).column("sampling")
    assert json.loads(kept) == {"temperature": "0.7", "top_p": "1"}


def test_rows_of_other_tools_are_read_so(tmp_path: Path) -> None:
    lines = [
        {"unique_id": "p", "answer": "4", "completions": [r"\boxed{4}"], "temperature": value}
        for value in (0.2, 0.9)
    ]
    done = run("search-and-learn", tmp_path, write_lines(tmp_path / "t.jsonl", *lines))
    assert done.column("model") == ["temperature 0.2", "temperature 0.9"]
    lines = [
        {"input": "p", "output": "4", "score": 1.0, "gts": "4", "temperature": value}
        for value in (0.2, 0.9)
    ]
    done = run("verl", tmp_path, write_lines(tmp_path / "t.jsonl", *lines))
    assert done.column("model") == ["temperature 0.2", "temperature 0.9"]


@pytest.mark.parametrize("column", ["max_length", "top", "t", "seed", "stop", "answer"])
def test_what_is_no_setting(column: str) -> None:
    assert not settings.is_setting(column)


def test_the_note_of_groups_names_no_option(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "t.jsonl", *rows({"temperature": 0.2}, {"temperature": 1.0}))
    (note,) = run("table", tmp_path, path).report.notes
    assert with_flags(note) == note
