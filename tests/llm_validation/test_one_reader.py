"""Tables by every route, in every kind of file: the same verdicts, lengths and warnings."""

from __future__ import annotations

import gzip
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import verigap as vg
from tests.llm_validation.importing import FIXTURES, run, write_lines
from verigap.llm_validation.importers import ImportOptions, read_samples
from verigap.llm_validation.traces import COLUMNS, write_traces

NAN, INF = math.nan, math.inf
Rows = Sequence[Mapping[str, Any]]


def csv_cell(value: Any) -> str:
    return "" if value is None else str(value)


def written(folder: Path, kind: str, rows: Rows) -> Path:
    """The same rows as a file of some kind."""
    path = folder / f"t.{kind}"
    columns = list(rows[0])
    if kind == "csv":
        lines = [",".join(csv_cell(row[name]) for name in columns) for row in rows]
        path.write_text("\n".join([",".join(columns), *lines]) + "\n")
    elif kind == "jsonl":
        write_lines(path, *map(dict, rows))
    elif kind == "json.gz":
        path.write_bytes(gzip.compress(json.dumps(list(rows)).encode()))
    else:
        pl.DataFrame(rows, infer_schema_length=None, strict=False).write_parquet(path)
    return path


def table(columns: str, *rows: Sequence[Any]) -> Rows:
    names = columns.split()
    return [dict(zip(names, row, strict=True)) for row in rows]


LENGTHS = "prompt_id correct n_tokens"
TABLES: Mapping[str, Rows] = {
    "plain": table(LENGTHS, ("a", True, 3), ("a", False, 4), ("b", True, 5)),
    "float verdicts": table(LENGTHS, ("a", 1.0, 3), ("a", 0.0, 4), ("b", 1.0, 5)),
    "float lengths": table(LENGTHS, ("a", True, 3.0), ("a", False, 4.0), ("b", True, 5.0)),
    "whole ids": table(LENGTHS, (1, True, 3), (1, False, 4), (2, True, 5)),
    "float ids": table(LENGTHS, (1.0, True, 3), (1.0, False, 4), (2.0, True, 5)),
    "no lengths": table("prompt_id correct", ("a", True), ("a", False), ("b", True)),
    "words": table(LENGTHS, ("a", "True", "3"), ("a", "0.0", " 4 "), ("b", " yes ", "5.0")),
    "ungraded": table(LENGTHS, ("a", True, 3), ("a", None, 4), ("b", True, 5)),
    "NaN as verdict": table(LENGTHS, ("a", 1.0, 3.0), ("a", NAN, 4.0), ("b", 1.0, 5.0)),
    "lengths in part": table(LENGTHS, ("a", True, 3), ("a", False, None), ("b", True, 5)),
    "spelt alike": table(LENGTHS, ("1", True, 3), ("01", False, 4), ("2", True, 5)),
    "texts": table(
        "prompt_id correct text", ("a", True, "x y"), ("a", False, "x y"), ("b", True, "z")
    ),
    "temperatures": table(
        "prompt_id correct temperature", ("a", True, 0.2), ("a", False, 0.9), ("b", True, 0.2)
    ),
    "references": table(
        "prompt_id answer target", ("a", "4", "4"), ("a", "5", "4"), ("b", "7", None)
    ),
}
SHOWN = ["model", "prompt_id", "sample_id", "correct", "first_correct", "n_tokens", "unit"]


@pytest.mark.parametrize("name", TABLES)
def test_every_route_and_kind_of_file_gives_the_same(tmp_path: Path, name: str) -> None:
    rows = TABLES[name]
    seen = {}
    # In a CSV file every name is a text, and 1.0 is not 1.
    kinds = ("csv", "jsonl", "json.gz", "parquet")[name == "float ids" :]
    for kind in kinds:
        path = written(tmp_path, kind, rows)
        imported = run("table", tmp_path, path)
        seen[kind, "import"] = (imported.frame.select(SHOWN), imported.report.warnings)
        samples = read_samples(path)
        seen[kind, "read"] = (samples.traces.frame.select(SHOWN), samples.warnings)
        options = read_samples([path], ImportOptions())
        seen[kind, "options"] = (options.traces.frame.select(SHOWN), options.warnings)
    frame = read_samples(pl.DataFrame(rows, infer_schema_length=None, strict=False))
    seen["frame", "read"] = (frame.traces.frame.select(SHOWN), frame.warnings)
    wanted, warnings = seen["jsonl", "import"]
    for route, (found, said) in seen.items():
        assert found.equals(wanted), (route, found, wanted)
        assert said == warnings, route


BAD: Mapping[str, tuple[Rows, str]] = {
    "infinite length": (table(LENGTHS, ("a", True, 3.0), ("a", True, INF)), "not a finite number"),
    "NaN as length": (table(LENGTHS, ("a", True, 3.0), ("a", False, NAN)), "leave it empty"),
    "NaN as score": (
        table("prompt_id correct verifier_score", ("a", True, 0.5), ("a", True, NAN)),
        "leave it empty",
    ),
    "NaN as place": (
        table("prompt_id correct first_correct", ("a", True, 2.0), ("a", True, NAN)),
        "leave it empty",
    ),
    "negative length": (table(LENGTHS, ("a", True, 3), ("a", False, -1)), "cannot be negative"),
    "half a token": (table(LENGTHS, ("a", True, 3.0), ("a", False, 2.5)), "not a whole number"),
    "no name": (table(LENGTHS, ("a", True, 3), (None, False, 4)), "not a name"),
    "blank name": (table(LENGTHS, ("a", True, 3), ("  ", False, 4)), "not a name"),
    "score": (table(LENGTHS, ("a", 1.0, 3), ("a", 0.5, 4)), "correct_above"),
    "word": (table(LENGTHS, ("a", "true", 3), ("a", "maybe", 4)), "neither true, false nor null"),
    "fraction as a name": (table(LENGTHS, (1.5, True, 3), (2.5, False, 4)), "whole number"),
    "infinite score": (
        table("prompt_id correct verifier_score", ("a", True, 0.5), ("a", True, INF)),
        "not a finite number",
    ),
    "no verdict": (
        table("prompt_id n_tokens", ("a", 3), ("a", 4)),
        "'correct' is missing .there are: prompt_id, n_tokens",
    ),
    "twice": (
        table("prompt_id sample_id correct", ("a", 0, True), ("a", 0, False)),
        "prompt 'a' has a sample 0 already|sample_id twice",
    ),
    "place": (
        table("prompt_id correct first_correct n_tokens", ("a", True, 9, 3), ("a", False, None, 3)),
        "past the end",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_every_route_refuses_the_same_in_one_line(tmp_path: Path, name: str) -> None:
    rows, says = BAD[name]
    sources: list[Any] = [pl.DataFrame(rows, infer_schema_length=None, strict=False)]
    sources += [written(tmp_path, kind, rows) for kind in ("csv", "jsonl", "json.gz", "parquet")][
        name == "fraction as a name" :
    ]
    for source in sources:
        with pytest.raises(ValueError, match=says) as refusal:
            read_samples(source)
        # With an option nothing is taken as it stands.
        with pytest.raises(ValueError, match=says) as other:
            read_samples(source, ImportOptions(keep_text=False))
        for message in (str(refusal.value), str(other.value)):
            assert "\n" not in message
            assert "verigap-" not in message


def test_a_table_of_traces_is_taken_as_it_stands(tmp_path: Path) -> None:
    traces = vg.read_traces("examples/smollm2_products.parquet")
    write_traces(traces, tmp_path / "t.parquet")
    samples = read_samples(tmp_path / "t.parquet")
    assert samples.report is None
    assert samples.traces.frame.equals(traces.frame)
    assert tuple(samples.traces.frame.columns) == COLUMNS


def test_the_end_of_a_trace_is_read_from_a_table(tmp_path: Path) -> None:
    rows = table(
        "prompt_id correct correct_at_end n_tokens",
        ("a", True, False, 4),
        ("a", True, True, 5),
        ("b", False, False, 6),
    )
    for kind in ("csv", "jsonl", "parquet"):
        frame = read_samples(written(tmp_path, kind, rows)).traces.frame
        assert frame["correct_at_end"].to_list() == [False, True, False], kind


def test_verbs_take_logs_as_the_command_line_does(tmp_path: Path) -> None:
    log = FIXTURES / "monkeys.jsonl"
    imported = run("monkeys", tmp_path, log).frame
    for source in (log, str(log), [log]):
        assert vg.read_traces(source).frame.equals(imported)
    fitted = vg.fit(log, [64]).groups[0].counts
    assert (int(fitted.correct.sum()), fitted.prompts) == (
        imported["correct"].sum(),
        imported.filter(pl.col("correct").is_not_null())["prompt_id"].n_unique(),
    )


def test_doubts_about_samples_are_python_warnings(tmp_path: Path) -> None:
    path = written(tmp_path, "csv", TABLES["spelt alike"])
    with pytest.warns(UserWarning, match="1 prompt is there in several spellings"):
        vg.read_traces(path)
