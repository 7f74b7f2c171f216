"""Traces for a command: a trace table, or the logs of a tool, imported on the way."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from verigap.llm_validation.traces import Traces

SamplesArgument = Annotated[
    list[Path],
    typer.Argument(
        help="Trace table (Parquet, CSV, JSONL), or the logs of one tool, as `verigap import` "
        "takes them."
    ),
]


def read(paths: Sequence[Path]) -> Traces:
    """The traces; of logs a line on stderr says what they are, and one each what is doubtful."""
    from verigap.cli.tables.imported import warn
    from verigap.llm_validation.importers import FORMATS, read_samples

    traces, form, report, warnings = read_samples(paths)
    # A table of samples is what a command expects, and needs no word.
    if form not in (None, "table") and report is not None:
        typer.echo(
            f"verigap: {FORMATS[form].about}: {report.samples} samples of {report.prompts} "
            f"prompts, {report.correct} correct, {report.incorrect} incorrect, {report.ungraded} "
            "ungraded (verigap import says more)",
            err=True,
        )
    warn(warnings)
    return traces


def read_unless_laws(paths: list[Path]) -> Traces | Path:
    """The traces, or the path of one file of another kind, such as laws."""
    from verigap.llm_validation.importers import holds_samples

    return paths[0] if len(paths) == 1 and not holds_samples(paths[0]) else read(paths)
