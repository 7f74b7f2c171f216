"""Records of any file that holds one object or row after the other, by what the file is."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import polars as pl

from verigap.llm_validation.importers.packing import plain_name
from verigap.llm_validation.importers.records import BadRecord, Reading, Record
from verigap.llm_validation.importers.sources import (
    csv_rows,
    document,
    json_lines,
    json_object,
    json_values,
)
from verigap.storage.tables import TableError

_ROWS = 4096
_SUFFIXES = {
    "csv": "csv", "tsv": "tsv", "jsonl": "lines", "ndjson": "lines", "json": "json",
    "parquet": "parquet", "pq": "parquet",
}  # fmt: skip


def rows(path: Path, reading: Reading) -> Iterator[Record]:
    """The rows of CSV, TSV or Parquet, or the objects of JSON or JSON Lines.

    Raises:
      TableError: the file is none of these by its name, or cannot be read.
    """
    suffix = plain_name(path.name).rpartition(".")[2]
    kind = _SUFFIXES.get(suffix)
    if kind in ("csv", "tsv"):
        return csv_rows(path, reading, "," if kind == "csv" else "\t")
    if kind == "lines":
        return json_lines([path], reading)
    if kind == "json":
        return json_values(path, reading)
    if kind == "parquet":
        return _parquet_rows(path, reading)
    raise TableError(
        f"{path}: tables come as .csv, .tsv, .json, .jsonl or .parquet, not {'.' + suffix!r}; "
        "convert the file or give it its proper suffix"
    )


def whole(path: Path, reading: Reading) -> dict[str, Any]:
    """The one object of a JSON file.

    Raises:
      TableError: the file holds something else.
    """
    data = document(path, reading)
    content = data if isinstance(data, BadRecord) else json_object(data)
    if isinstance(content, BadRecord):
        raise TableError(f"{path}: {content}; check the file")
    return content


@lru_cache(maxsize=8)
def beside(path: Path, name: str) -> Mapping[str, Any]:
    """The object of a small JSON file in the same folder; empty where there is none to read."""
    other = path.with_name(name)
    try:
        if other.stat().st_size > 2**26:
            return {}
        content = json_object(other.read_bytes())
    except OSError:
        return {}
    return content if isinstance(content, dict) else {}


def first_of(path: Path) -> dict[str, Any] | None:
    """The first object or row of a file; None where there is none to be had."""
    reading = Reading([path])
    try:
        for record in itertools.islice(rows(path, reading), 100):
            if isinstance(record.content, dict):
                return record.content
        # One object may be longer than a record of many may be.
        if plain_name(path.name).endswith(".json"):
            return whole(path, reading)
    except TableError:
        return None
    finally:
        reading.close()
    return None


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
