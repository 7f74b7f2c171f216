"""`verigap check`: parse, call the library, print."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from verigap.cli.help_pages import SETTINGS, page
from verigap.cli.options import SHORT, JsonFlag, prepare_jax, show_json
from verigap.cli.output import say


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command(**page(SETTINGS, "verigap check runs/quickstart"))(check)


def check(
    run: Annotated[Path, typer.Argument(help="Run folder.")],
    everything: Annotated[
        bool, typer.Option("--all", help="Print every bound and every fitted power.")
    ] = False,
    partial: Annotated[
        bool, typer.Option("--partial", help="A part of the run's cells is enough for exit 0.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Test every applicable bound in every cell of a run; exit 1 if one is violated.

    Trained networks are measured: values, gaps and exponents; exit 1 if a network is under-trained.
    Exit 1, too, if cells of the run are missing; files that are damaged or of another run: exit 2.
    """
    prepare_jax()
    from dataclasses import asdict

    import verigap as vg
    from verigap.cli.tables.check import show_check, show_ending
    from verigap.cli.tables.methods import methods_content, show_methods
    from verigap.cli.tables.trained import show_trained

    found = vg.check(run, partial=partial)
    for warning in found.warnings:
        say(f"verigap: warning: {warning}", err=True)
    shown: dict[str, Any] = {
        "ok": found.ok,
        "cells": found.cells,
        "complete": found.completeness.complete,
        "partial": partial,
        "completeness": asdict(found.completeness),
    }
    if found.bounds is not None:
        shown |= {
            "bounds": [asdict(verdict) for verdict in found.bounds.verdicts],
            "exponents": [asdict(fit) for fit in found.exponents],
            "violations": [asdict(test) for test in found.bounds.tests if test.violated],
        }
    if found.trained is not None:
        shown["trained"] = asdict(found.trained)
    if found.methods:
        shown["methods"] = [methods_content(setting) for setting in found.methods]
    if as_json:
        show_json(shown)
    else:
        if found.bounds is not None:
            show_check(found.bounds, found.exponents, found.rows, everything=everything)
        if found.trained is not None:
            show_trained(found.trained, everything=everything)
        if found.methods:
            show_methods(found.methods, everything=everything)
        show_ending(found)
    if not found.ok:
        raise typer.Exit(SHORT)
