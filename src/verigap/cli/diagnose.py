"""`verigap diagnose`: parse, call the library, print."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from verigap.cli.options import numbers, prepare_jax, show_json

if TYPE_CHECKING:
    from verigap.llm_validation.reporting.verdict import Verifier


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command()(diagnose)


def diagnose(
    traces: Annotated[Path, typer.Argument(help="Trace table: Parquet, CSV or JSONL.")],
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Folder of the report. Default: runs/TRACES-diagnosis."),
    ] = None,
    budgets: Annotated[
        str | None,
        typer.Option("--budgets", help="Budgets H, with commas. Default: by length."),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option("--data", help="Training traces n, with commas. Default: 16 to 1024."),
    ] = None,
    candidates: Annotated[int, typer.Option("--candidates", help="N of best-of-N and votes.")] = 8,
    verifier: Annotated[
        str | None,
        typer.Option(
            "--verifier",
            help="exact (a 0/1 check exists at test time) or learned. Default: both.",
        ),
    ] = None,
    radius: Annotated[
        float, typer.Option("--radius", help="Chi-square leash of both policies.")
    ] = 1.0,
    include_text: Annotated[
        bool, typer.Option("--include-text", help="Show some samples with their text.")
    ] = False,
    seed: Annotated[int, typer.Option("--seed", help="Seed of all randomness.")] = 0,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the JSON of the report as well.")
    ] = False,
) -> None:
    """Clone, vote or verify? Fit, predict, measure, and write one report."""
    prepare_jax()
    chosen = _verifier(verifier)
    horizons = None if budgets is None else numbers(budgets, "--budgets", int)
    amounts = None if data is None else numbers(data, "--data", int)
    folder = out or Path("runs") / f"{traces.stem}-diagnosis"
    from verigap.llm_validation.reporting.writing import refuse_foreign, write_report

    # Before minutes of work, not after them.
    refuse_foreign(folder)
    from verigap.cli.progress import ProgressBar
    from verigap.figures.diagnosis import draw_group
    from verigap.llm_validation import diagnose as diagnose_traces
    from verigap.llm_validation.reporting.content import diagnosis_content
    from verigap.llm_validation.reporting.page import render_page
    from verigap.llm_validation.traces import read_traces

    with ProgressBar("diagnose", quiet=as_json, counted="stages") as report:
        found = diagnose_traces(
            read_traces(traces),
            horizons,
            amounts,
            candidates=candidates,
            radius=radius,
            seed=seed,
            report=report,
        )
    content = diagnosis_content(found, verifier=chosen, include_text=include_text)
    page = render_page(content, [draw_group(group) for group in content["groups"]])
    written = write_report(folder, content, page)
    if as_json:
        show_json(content)
    else:
        from verigap.cli.tables.diagnose import show_diagnosis

        show_diagnosis(content, written[0])


def _verifier(name: str | None) -> Verifier | None:
    if name is None or name == "exact" or name == "learned":
        return name
    raise ValueError(f"--verifier: unknown {name!r}; use exact or learned")
