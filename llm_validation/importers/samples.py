"""Traces from whatever people have: a trace table, another table, or the logs of a tool."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import polars as pl

from verigap.llm_validation.importers import table
from verigap.llm_validation.importers.identity import written_differently
from verigap.llm_validation.importers.import_traces import ImportReport, import_traces
from verigap.llm_validation.importers.lengths import lacking
from verigap.llm_validation.importers.recognition import chosen
from verigap.llm_validation.importers.records import (
    Format,
    ImportOptions,
    Item,
    Reading,
    Record,
)
from verigap.llm_validation.traces import PROMPT_KEY, Traces, load_traces, needs_no_reading
from verigap.storage.files import open_regular
from verigap.storage.parquet import ParquetError, parquet_account
from verigap.storage.parquet_guard import refuse_fatal

_PARQUET = b"PAR1"
FRAME = "traces"
"""What a table in memory is called in messages."""


class Samples(NamedTuple):
    """Traces and how they were come by.

    Attributes:
      traces: the samples.
      form: the format that the files were recognised as; None where they are a trace table.
      report: the account of the import; None where there was none.
      warnings: what is doubtful about the samples, one line each.
    """

    traces: Traces
    form: str | None = None
    report: ImportReport | None = None
    warnings: tuple[str, ...] = ()


def samples_from(
    source: pl.DataFrame | Sequence[Path],
    options: ImportOptions | None,
    formats: Mapping[str, Format],
) -> Samples:
    """The samples in a table or in some files; nothing is written.

    Args:
      source: a table in memory, one trace table, or the files of one format.
      options: how to import; None for the defaults.
      formats: those known, by name.

    Raises:
      ValueError: the files are of no or of several formats, or cannot be imported.
      TableError: a file is missing or damaged.
    """
    if isinstance(source, pl.DataFrame):
        return _frame_samples(source, options)
    paths = [Path(path) for path in source]
    if not paths:
        raise ValueError("paths: give at least one file")
    if len(paths) == 1 and options is None:
        stored = _stored(paths[0])
        if stored is not None:
            return stored
    asked = "table" if options is not None and options.mapping else None
    form = chosen(asked, paths, formats)
    found = _imported(formats[form], paths, options or ImportOptions(), ", ".join(map(str, paths)))
    return found._replace(form=form)


def _frame_samples(frame: pl.DataFrame, options: ImportOptions | None) -> Samples:
    if options is None and needs_no_reading(frame):
        return _as_it_is(Traces(frame, FRAME))

    def read(_: Sequence[Path], options: ImportOptions, __: Reading) -> Iterator[Item]:
        rows = enumerate(frame.iter_rows(named=True), 1)
        records = (Record(f"{FRAME}, row {number}", row) for number, row in rows)
        return table.read_records(records, options)

    form = replace(table.FORMAT, read=read)
    return _imported(form, [Path(FRAME)], options or ImportOptions(), FRAME)


def _stored(path: Path) -> Samples | None:
    """The traces of a file that is a trace table as it stands, else None."""
    try:
        with open_regular(path) as file:
            if file.read(4) != _PARQUET:
                return None
        parquet_account(path)
        # The types alone say of most files that they are none.
        if not needs_no_reading(pl.read_parquet(path, n_rows=0, glob=False)):
            return None
        refuse_fatal(path)
        frame = pl.read_parquet(path, glob=False)
    except (OSError, ParquetError, pl.exceptions.PolarsError, pl.exceptions.PanicException):
        # Reading it says what is wrong.
        return None
    return _as_it_is(Traces(frame, str(path))) if needs_no_reading(frame) else None


def _as_it_is(traces: Traces) -> Samples:
    rows = traces.frame
    doubts = (
        lacking(rows["n_tokens"].null_count(), rows.height),
        written_differently(rows.select(PROMPT_KEY).unique()),
    )
    return Samples(traces, warnings=tuple(filter(None, doubts)))


def _imported(form: Format, paths: Sequence[Path], options: ImportOptions, source: str) -> Samples:
    with tempfile.TemporaryDirectory(prefix="verigap-") as folder:
        out = Path(folder) / "traces.parquet"
        report = import_traces(form, paths, out, options)
        traces = load_traces(out)
    return Samples(replace(traces, source=source), None, report, report.warnings)
