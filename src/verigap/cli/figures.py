"""`verigap figures`: parse, call the library, print."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from verigap.cli.help_pages import SETTINGS, page
from verigap.cli.options import QuietFlag, prepare_jax
from verigap.cli.output import say

if TYPE_CHECKING:
    from verigap.storage.progress import Progress


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command(**page(SETTINGS, "verigap figures scaling --run runs/quickstart --out figures"))(
        figures
    )


def figures(
    names: Annotated[list[str] | None, typer.Argument(help="Figures; all by default.")] = None,
    run: Annotated[
        Path | None,
        typer.Option("--run", help="Draw this run folder as it is, and make nothing."),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            "--data", help="Folder of the runs that figures are drawn from; runs by default."
        ),
    ] = None,
    full: Annotated[
        bool, typer.Option("--full", help="Use the full configurations: hours, not minutes.")
    ] = False,
    out: Annotated[Path, typer.Option("--out", help="Folder to write to.")] = Path("runs/figures"),
    show_list: Annotated[
        bool, typer.Option("--list", help="List the figures and what they show.")
    ] = False,
    quiet: QuietFlag = False,
) -> None:
    """Draw figures as PDF and PNG with captions; what they need is made or continued first.

    Without --run, run from the root of the repository: the configurations and tables are there.
    """
    prepare_jax()
    from verigap.figures import FIGURES, draw_figure, known_names, obtain, read_run

    chosen = known_names(names or [])
    if show_list:
        for name in chosen:
            say(f"{name}: {FIGURES[name].SHOWS}")
        return
    if run is not None and not names:
        raise ValueError("--run: name the figures to draw from it")
    if run is not None and full:
        raise ValueError("--full: makes runs, and --run draws the one it names; leave one out")
    if run is not None and data is not None:
        raise ValueError("--data: is where runs are made, and --run draws one; leave one out")
    for name in chosen:
        with _Making(quiet) as making:
            found = (
                read_run(name, run)
                if run is not None
                else obtain(name, data or Path("runs"), full=full, report=making)
            )
        for path in draw_figure(name, found, out):
            say(str(path))


class _Making:
    """Shows what is being made: a bar for sweeps, a line for the rest; or nothing, quietly."""

    def __init__(self, quiet: bool) -> None:
        self.quiet, self.doing, self.bar = quiet, "", None

    def __enter__(self) -> _Making:
        return self

    def __exit__(self, *exception: object) -> None:
        if self.bar is not None:
            self.bar.__exit__()

    def __call__(self, doing: str, progress: Progress | None) -> None:
        from verigap.cli.progress import ProgressBar

        if self.quiet:
            return
        if doing != self.doing:
            self.__exit__()
            self.doing = doing
            self.bar = None if progress is None else ProgressBar(doing, quiet=False)
            if progress is None:
                say(doing, err=True)
        # A run that is finished needs no bar.
        if self.bar is not None and progress is not None and progress.done < progress.total:
            self.bar(progress)
