"""Traces for a command: a trace table, or the logs of a tool, imported on the way."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from verigap.cli.options import numbers
from verigap.cli.output import say

if TYPE_CHECKING:
    from verigap.llm_validation.traces import Traces

SamplesArgument = Annotated[
    list[Path],
    typer.Argument(
        help="Trace table (Parquet, CSV, JSONL), or the logs of one tool, as `verigap import` "
        "takes them."
    ),
]

HorizonsOption = Annotated[
    str | None, typer.Option("--horizon", help="Budgets H, with commas. Default: by length.")
]
DataBudgetsOption = Annotated[
    str | None, typer.Option("--n", help="Training traces n, with commas. Default: 16 to 1024.")
]
KappaOption = Annotated[
    float | None,
    typer.Option(
        "--kappa",
        help="Radius of the leash, in what --leash names. Default: 1, or ln 2 nats.",
    ),
]
SeedOption = Annotated[int, typer.Option("--seed", help="Seed of all randomness.")]
MostPromptsOption = Annotated[
    int,
    typer.Option(
        "--most-prompts", help="Prompts a group to look at, drawn at random where there are more."
    ),
]


def horizons_and_data_budgets(
    horizon: str | None, n: str | None
) -> tuple[tuple[int, ...] | None, tuple[int, ...] | None]:
    """Both lists, None where the library is to choose.

    Raises:
      ValueError: one of them holds something else than whole numbers; the message names the option.
    """
    horizons = None if horizon is None else numbers(horizon, "--horizon", int)
    return horizons, None if n is None else numbers(n, "--n", int)


def read(paths: Sequence[Path]) -> Traces:
    """The traces; of logs a line on stderr says what they are, and one each what is doubtful."""
    from verigap.cli.tables.imported import warn
    from verigap.llm_validation.importers import FORMATS, read_samples

    traces, form, report, warnings = read_samples(paths)
    # A table of samples is what a command expects, and needs no word.
    if form not in (None, "table") and report is not None:
        say(
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
