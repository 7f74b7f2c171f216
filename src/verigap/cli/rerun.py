"""`verigap rerun`: parse, call the library, print."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from verigap.cli.help_pages import SETTINGS, page
from verigap.cli.options import SHORT, JsonFlag, QuietFlag, prepare_jax, show_json
from verigap.cli.output import say

if TYPE_CHECKING:
    from verigap.sim.sweeps.repeating import CellComparison


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command(**page(SETTINGS, "verigap rerun runs/quickstart --cells 027e0926"))(rerun)


def rerun(
    run: Annotated[Path, typer.Argument(help="Run folder of a sweep.")],
    cells: Annotated[
        str | None,
        typer.Option("--cells", help="Cells, with commas: names or beginnings. Default: all."),
    ] = None,
    tolerance: Annotated[
        float, typer.Option("--tolerance", help="Largest relative difference that is the same.")
    ] = 1e-9,
    tables: Annotated[
        Path, typer.Option("--tables", help="Folder that paths of law tables are relative to.")
    ] = Path(),
    quiet: QuietFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """Compute cells of a run again and compare with what is stored; exit 1 if one differs."""
    prepare_jax()
    from dataclasses import asdict

    import verigap as vg
    from verigap.cli.progress import ProgressBar

    names = None if cells is None else cells.split(",")
    with ProgressBar(f"rerun {run.name}", quiet=quiet or as_json) as report:
        found = vg.rerun(run, names, tolerance=tolerance, tables=tables, report=report)
    if as_json:
        show_json({"ok": found.ok, **asdict(found)})
    else:
        for each in found.comparisons:
            say(f"{each.cell}: {_outcome(each, tolerance)}")
        differ = sum(not each.difference <= tolerance for each in found.comparisons)
        say(
            f"{run}: {len(found.comparisons)} of {found.stored} stored cells computed again, "
            f"{differ} differ by more than {tolerance:g} (relative)"
        )
    if not found.ok:
        raise typer.Exit(SHORT)


def _outcome(found: CellComparison, tolerance: float) -> str:
    if found.error:
        return f"could not be computed again ({found.error})"
    if found.difference == 0.0:
        return "equal"
    within = ", within the tolerance" if found.difference <= tolerance else ""
    if found.difference == float("inf"):
        return f"differs in {found.where}, which is no number in both"
    return f"differs by {found.difference:.1e} (relative, in {found.where}){within}"
