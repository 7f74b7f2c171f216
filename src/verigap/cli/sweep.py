"""`verigap sweep`: parse, call the library, print."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from verigap.cli.options import SHORT, JsonFlag, command_line, prepare_jax, show_json

if TYPE_CHECKING:
    pass


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command()(sweep)


def sweep(
    config: Annotated[Path, typer.Argument(help="Sweep configuration (YAML).")],
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Run folder, made or continued. Default: runs/CONFIG."),
    ] = None,
    engine: Annotated[str, typer.Option("--engine", help="Where cells run: local.")] = "local",
    as_json: JsonFlag = False,
) -> None:
    """Run or resume a sweep."""
    prepare_jax()
    if engine != "local":
        raise ValueError(f"--engine: unknown engine {engine!r}; use local")
    from verigap.cli.progress import ProgressBar
    from verigap.sim.sweeps.config import load_sweep
    from verigap.sim.sweeps.run import run_sweep

    loaded = load_sweep(config)
    folder = out or Path("runs") / config.stem
    with ProgressBar(f"sweep {config.stem}", quiet=as_json) as report:
        outcome = run_sweep(loaded, folder, command=command_line(), report=report)
    for warning in outcome.warnings:
        typer.echo(f"verigap: warning: {warning}", err=True)
    if as_json:
        show_json(
            {
                "run": str(folder),
                "cells": outcome.cells,
                "resumed": outcome.resumed,
                "failed": outcome.failed,
            }
        )
    else:
        resumed = f" ({outcome.resumed} from before)" if outcome.resumed else ""
        typer.echo(
            f"{folder}: {outcome.cells - outcome.failed} of {outcome.cells} cells done{resumed}"
        )
    if outcome.failed:
        typer.echo(
            f"verigap: {outcome.failed} cells failed; see failures.parquet, run again to retry",
            err=True,
        )
        raise typer.Exit(SHORT)
