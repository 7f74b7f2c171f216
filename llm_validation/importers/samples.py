"""Traces from whatever people have: a trace table, or the logs of a tool, imported on the way."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from verigap.llm_validation.importers.import_traces import ImportReport, import_traces
from verigap.llm_validation.importers.recognition import chosen, recognised
from verigap.llm_validation.importers.records import Format, ImportOptions
from verigap.llm_validation.traces import Traces, read_traces

_TABLES = (".parquet", ".pq", ".csv", ".jsonl", ".ndjson")


class Samples(NamedTuple):
    """Traces and how they were come by.

    Attributes:
      traces: the samples.
      form: the format that the files were recognised as; None where they are a trace table.
      report: the account of the import; None where there was none.
    """

    traces: Traces
    form: str | None = None
    report: ImportReport | None = None


def samples_from(
    paths: Sequence[Path], options: ImportOptions | None, formats: Mapping[str, Format]
) -> Samples:
    """The samples in some files; nothing is written.

    Args:
      paths: one trace table, or the files of one format.
      options: how to import; None for the defaults.
      formats: those known, by name.

    Raises:
      ValueError: the files are of no or of several formats, or cannot be imported.
      TableError: a file is missing or damaged.
    """
    if not paths:
        raise ValueError("paths: give at least one file")
    if len(paths) == 1 and options is None and _is_table(paths[0], formats):
        return Samples(read_traces(paths[0]))
    form = chosen(None, paths, formats)
    with tempfile.TemporaryDirectory(prefix="verigap-") as folder:
        out = Path(folder) / "traces.parquet"
        report = import_traces(formats[form], paths, out, options or ImportOptions())
        traces = read_traces(out)
    return Samples(replace(traces, source=", ".join(map(str, paths))), form, report)


def holds_log(path: Path, formats: Mapping[str, Format]) -> bool:
    """Whether a file is the log of a tool, and neither a trace table nor anything unknown.

    Raises:
      TableError: the file is missing, or holds results without samples.
    """
    return recognised(path, formats) not in (None, "table")


def _is_table(path: Path, formats: Mapping[str, Format]) -> bool:
    """Whether a file is a trace table, or of no format, so that reading it says what is wrong."""
    form = recognised(path, formats)
    return form is None or (form == "table" and path.suffix.lower() in _TABLES)
