"""`verigap check`: parse, call the library, print."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from verigap.cli.options import SHORT, JsonFlag, prepare_jax, show_json

if TYPE_CHECKING:
    from verigap.sim.checks import Report


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command()(check)


def check(
    run: Annotated[Path, typer.Argument(help="Run folder.")],
    as_json: JsonFlag = False,
) -> None:
    """Test every applicable bound in every cell of a run; exit 1 if one is violated.

    Trained networks are measured: values, gaps and exponents; exit 1 if a network is under-trained.
    """
    prepare_jax()
    from dataclasses import asdict

    from verigap.cli.tables.check import show_check
    from verigap.cli.tables.trained import show_trained
    from verigap.sim.checks import check as check_rows
    from verigap.sim.checks import check_trained, exponents, is_trained
    from verigap.sim.sweeps.stored import stored_cells, stored_config
    from verigap.storage.run_store import RunStore

    store = RunStore.read_only(run)
    config = stored_config(store)
    rows = stored_cells(store).to_dicts()
    for warning in store.warnings:
        typer.echo(f"verigap: warning: {warning}", err=True)
    if not rows:
        raise ValueError(f"{run}: no finished cell; run `verigap sweep` first")
    trained = [row for row in rows if is_trained(row)]
    simulated = [row for row in rows if not is_trained(row)]
    measured = check_trained(trained)
    ok = not any(point.under_training for point in measured.points)
    shown: dict[str, Any] = {"cells": len(rows)}
    if simulated or not trained:
        report: Report = check_rows(simulated, config.bounds)
        fits = exponents(simulated)
        ok = ok and report.ok
        shown |= {
            "bounds": [asdict(verdict) for verdict in report.verdicts],
            "exponents": [asdict(fit) for fit in fits],
            "violations": [asdict(test) for test in report.tests if test.violated],
        }
        if not as_json:
            show_check(report, fits, simulated)
    if trained:
        shown["trained"] = asdict(measured)
        if not as_json:
            show_trained(measured)
    if as_json:
        show_json({"ok": ok, **shown})
    if not ok:
        raise typer.Exit(SHORT)
