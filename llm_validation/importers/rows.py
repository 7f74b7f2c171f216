"""Records of any file that holds one object or row after the other, by what the file is."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import polars as pl

from verigap.llm_validation.importers.foreign import head
from verigap.llm_validation.importers.packing import plain_name
from verigap.llm_validation.importers.records import BadRecord, Reading, Record
from verigap.llm_validation.importers.sources import (
    csv_rows,
    document,
    json_lines,
    json_object,
    json_values,
)
from verigap.storage.files import read_regular
from verigap.storage.parquet import ParquetError, parquet_account
from verigap.storage.parquet_guard import refuse_fatal
from verigap.storage.tables import TableError

_ROWS = 4096
_SUFFIXES = {
    "csv": "csv", "tsv": "tsv", "jsonl": "lines", "ndjson": "lines", "json": "json",
    "parquet": "parquet", "pq": "parquet",
}  # fmt: skip


def rows(path: Path, reading: Reading) -> Iterator[Record]:
    """The rows of CSV, TSV or Parquet, or the objects of JSON or JSON Lines.

    What a file begins with goes before the suffix of its name.

    Raises:
      TableError: the file is none of these, or cannot be read.
    """
    kind = _kind(path)
    if kind in ("csv", "tsv"):
        return csv_rows(path, reading, "," if kind == "csv" else "\t")
    if kind == "lines":
        return json_lines([path], reading)
    if kind == "json":
        return json_values(path, reading)
    return _parquet_rows(path, reading)


def _kind(path: Path) -> str:
    """How the rows of a file are written down."""
    if not path.is_file():
        raise TableError(f"{path}: no such file; check the path")
    suffix = plain_name(path.name).rpartition(".")[2]
    named = _SUFFIXES.get(suffix)
    start = head(path).removeprefix(b"\xef\xbb\xbf").lstrip()
    if start.startswith(b"PAR1"):
        return "parquet"
    if start[:1] in (b"{", b"["):
        return named if named in ("lines", "json") else "json"
    if named is not None:
        return named
    line = start.partition(b"\n")[0]
    if line.isascii() and (b"," in line or b"\t" in line) and b"\0" not in line:
        return "tsv" if b"\t" in line else "csv"
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
        content = json_object(read_regular(other))
    except OSError:
        return {}
    return content if isinstance(content, dict) else {}


def first_of(path: Path) -> dict[str, Any] | None:
    """The first object or row of a file; None where there is none to be had."""
    reading = Reading([path])
    try:
        for record in itertools.islice(rows(path, reading), 100):
            # An object without fields says nothing of a format.
            if isinstance(record.content, dict) and record.content:
                return record.content
        # One object may be longer than a record of many may be.
        if plain_name(path.name).endswith(".json"):
            return whole(path, reading)
    except TableError:
        return None
    finally:
        reading.close()
    return None


def why_no_row(path: Path) -> str:
    """Why a file has no first object or row."""
    reading = Reading([path])
    try:
        first = next(iter(rows(path, reading)), None)
    except TableError as problem:
        return str(problem).removeprefix(f"{path}: ").partition(";")[0]
    finally:
        reading.close()
    if first is None:
        listed = plain_name(path.name).endswith((".json", ".jsonl"))
        return "an empty list" if listed else "holds no traces, only the names of columns"
    if not first.content:
        return f"{first.place.removeprefix(f'{path}, ')}: an object without fields"
    return f"{first.place.removeprefix(f'{path}, ')}: {first.content}"


def _parquet_rows(path: Path, reading: Reading) -> Iterator[Record]:
    if not path.is_file():
        raise TableError(f"{path}: no such file; check the path")
    size, row = path.stat().st_size, 0
    try:
        parquet_account(path)
        refuse_fatal(path)
        lazy = pl.scan_parquet(path, glob=False)
        total = lazy.select(pl.len()).collect().item()
        for start in range(0, total, _ROWS):
            reading.begin(path, lambda start=start: size * start // total)
            for content in lazy.slice(start, _ROWS).collect().iter_rows(named=True):
                row += 1
                yield Record(f"{path}, row {row}", content)
    except (
        pl.exceptions.PolarsError,
        pl.exceptions.PanicException,
        ParquetError,
        OSError,
    ) as error:
        why = (str(error).strip().splitlines() or [type(error).__name__])[0][:120]
        raise TableError(
            f"{path}: cannot be read as a Parquet file ({why}); check the file, it may be damaged"
        ) from None
    reading.end(size)
