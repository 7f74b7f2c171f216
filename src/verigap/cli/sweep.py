"""`verigap sweep`: parse, call the library, print."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from verigap.cli.help_pages import SETTINGS, page
from verigap.cli.options import (
    SHORT,
    JsonFlag,
    QuietFlag,
    RayAddress,
    command_line,
    prepare_jax,
    show_json,
)
from verigap.cli.output import say


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command(**page(SETTINGS, "verigap sweep configs/quickstart-tiny.yaml --out runs/tiny"))(
        sweep
    )


def sweep(
    config: Annotated[Path, typer.Argument(help="Sweep configuration (YAML).")],
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Run folder, made or continued. Default: runs/CONFIG."),
    ] = None,
    engine: Annotated[
        str, typer.Option("--engine", help="Where cells run: local, or ray (one task a CPU).")
    ] = "local",
    address: RayAddress = None,
    quiet: QuietFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """Run or resume a sweep."""
    prepare_jax()
    import verigap as vg
    from verigap.cli.progress import ProgressBar

    folder = out or Path("runs") / config.stem
    with ProgressBar(f"sweep {config.stem}", quiet=quiet or as_json) as report:
        found = vg.sweep(
            config, folder, command=command_line(), report=report, engine=engine, address=address
        )
    for warning in found.warnings:
        say(f"verigap: warning: {warning}", err=True)
    failed = found.cells - len(found.rows)
    if as_json:
        show_json(
            {
                "run": str(folder),
                "cells": found.cells,
                "resumed": found.resumed,
                "failed": failed,
            }
        )
    else:
        resumed = f" ({found.resumed} from before)" if found.resumed else ""
        say(f"{folder}: {len(found.rows)} of {found.cells} cells done{resumed}")
    if failed:
        say(
            f"verigap: {failed} cells failed; see failures.parquet, run again to retry",
            err=True,
        )
        raise typer.Exit(SHORT)
