"""`verigap diagnose`: parse, call the library, print."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from verigap.cli.options import prepare_jax, show_json
from verigap.cli.samples import (
    DataBudgetsOption,
    HorizonsOption,
    LeashOption,
    SamplesArgument,
    SeedOption,
    horizons_and_data_budgets,
    read,
)


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command()(diagnose)


def diagnose(
    traces: SamplesArgument,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Folder of the report. Default: runs/TRACES-diagnosis."),
    ] = None,
    horizon: HorizonsOption = None,
    n: DataBudgetsOption = None,
    candidates: Annotated[int, typer.Option("--candidates", help="N of best-of-N and votes.")] = 8,
    verifier: Annotated[
        str | None,
        typer.Option(
            "--verifier",
            help="exact (a 0/1 check exists at test time) or learned. Default: both.",
        ),
    ] = None,
    kappa: LeashOption = 1.0,
    include_text: Annotated[
        bool, typer.Option("--include-text", help="Show some samples with their text.")
    ] = False,
    seed: SeedOption = 0,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the JSON of the report as well.")
    ] = False,
) -> None:
    """Clone, vote or verify? Fit, predict, measure, and write one report."""
    prepare_jax()
    horizons, data_budgets = horizons_and_data_budgets(horizon, n)
    import verigap as vg
    from verigap.cli.progress import ProgressBar

    with ProgressBar("diagnose", quiet=as_json, counted="stages") as report:
        found = vg.diagnose(
            read(traces),
            out or Path("runs") / f"{traces[0].stem}-diagnosis",
            horizons=horizons,
            data_budgets=data_budgets,
            num_candidates=candidates,
            verifier=_verifier(verifier),
            chi2_radius=kappa,
            include_text=include_text,
            seed=seed,
            report=report,
        )
    if as_json:
        show_json(found.content)
    else:
        from verigap.cli.tables.diagnose import show_diagnosis

        show_diagnosis(found.content, found.files[0])


def _verifier(name: str | None) -> Literal["exact", "learned"] | None:
    if name is None or name == "exact" or name == "learned":
        return name
    raise ValueError(f"--verifier: unknown {name!r}; use exact or learned")
