"""Any table of samples in CSV, JSON Lines or Parquet, its columns named by a mapping."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from verigap.llm_validation.extraction import extract_answer
from verigap.llm_validation.importers import values
from verigap.llm_validation.importers.grading import NO_VERDICT, Assessment, assess
from verigap.llm_validation.importers.records import (
    Format,
    ImportOptions,
    Parsed,
    Reading,
    Record,
    Sample,
    parse_each,
)
from verigap.llm_validation.importers.sources import csv_rows, json_lines
from verigap.llm_validation.traces import COLUMNS
from verigap.storage.tables import TableError

# Beside the canonical columns: the right answer, to grade by where `correct` is unknown.
TARGET = "target"
_FILLED_IN = ("sampling", "source")
_ROWS = 4096


def read(paths: Sequence[Path], options: ImportOptions, reading: Reading) -> Iterator[Parsed]:
    """One sample a row."""
    known = (*COLUMNS, TARGET)
    for name in options.mapping:
        if name not in known:
            raise ValueError(f"--map: unknown column {name!r}; use one of {', '.join(known)}")
    mapping = {name: name for name in known} | dict(options.mapping)
    parse = partial(_sample, mapping=mapping, options=options)
    for path in paths:
        yield from parse_each(_rows(path, reading), parse)


def _rows(path: Path, reading: Reading) -> Iterator[Record]:
    suffix = path.name.lower().removesuffix(".gz").rpartition(".")[2]
    if suffix == "csv":
        return csv_rows(path, reading)
    if suffix in {"jsonl", "ndjson"}:
        return json_lines([path], reading)
    if suffix in {"parquet", "pq"}:
        return _parquet_rows(path, reading)
    raise TableError(
        f"{path}: tables come as .csv, .jsonl or .parquet, not {'.' + suffix!r}; convert the "
        "file or give it its proper suffix"
    )


def _parquet_rows(path: Path, reading: Reading) -> Iterator[Record]:
    if not path.is_file():
        raise TableError(f"{path}: no such file; check the path")
    size, row = path.stat().st_size, 0
    try:
        lazy = pl.scan_parquet(path, glob=False)
        total = lazy.select(pl.len()).collect().item()
        for start in range(0, total, _ROWS):
            reading.begin(lambda start=start: size * start // total)
            for content in lazy.slice(start, _ROWS).collect().iter_rows(named=True):
                row += 1
                yield Record(f"{path}, row {row}", content)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        why = (str(error).strip().splitlines() or [type(error).__name__])[0][:120]
        raise TableError(
            f"{path}: cannot be read as a Parquet file ({why}); check the file, it may be damaged"
        ) from None
    reading.end(size)


def _sample(
    row: Mapping[str, Any], mapping: Mapping[str, str], options: ImportOptions
) -> list[Sample]:
    for column in options.mapping.values():
        values.get(row, column)

    def cell(name: str) -> Any:
        value = row.get(mapping[name])
        # CSV knows no null.
        return None if value == "" and name != "text" else value

    def words(name: str) -> str | None:
        value = cell(name)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return str(value)
        if name in _FILLED_IN and isinstance(value, dict | list):
            return values.parameters({name: value})
        return None if value is None else values.text(value, mapping[name])

    if TARGET not in mapping or row.get(mapping[TARGET]) is None:
        values.get(row, mapping["correct"])
    text, answer, target = words("text"), words("answer"), words(TARGET)
    decided_by, raw = mapping["correct"], cell("correct")
    correct = values.verdict(raw, decided_by, options.correct_above)
    if correct is None and target is not None:
        assessment = assess(text or "", [target], answer=answer)
        decided_by = f"answer against {mapping[TARGET]}"
    else:
        answer = answer or (extract_answer(text) if text else None)
        assessment = Assessment(answer, correct, NO_VERDICT if correct is None else None)
    return [
        Sample(
            values.identifier(values.get(row, mapping["prompt_id"]), mapping["prompt_id"]),
            decided_by=decided_by,
            dataset=words("dataset") or "",
            model=words("model") or "",
            sample_id=values.count(cell("sample_id"), mapping["sample_id"]),
            text=text,
            answer_canonical=words("answer_canonical"),
            first_correct=values.count(cell("first_correct"), mapping["first_correct"]),
            first_correct_is_end=values.flag(
                cell("first_correct_is_end"), mapping["first_correct_is_end"]
            ),
            n_tokens=values.count(cell("n_tokens"), mapping["n_tokens"]),
            unit=options.unit or words("unit") or "tokens",
            verifier_score=values.real(cell("verifier_score"), mapping["verifier_score"]),
            logprob=values.real(cell("logprob"), mapping["logprob"]),
            sampling=words("sampling"),
            source=words("source"),
            score=None if raw is None or isinstance(raw, bool) else values.score(raw),
            answer=assessment.answer,
            correct=assessment.correct,
            reason=assessment.reason,
            pending=assessment.pending,
        )
    ]


FORMAT = Format(
    read, "CSV, JSONL or Parquet, columns by --map", frozenset({"mapping", "correct_above"})
)
