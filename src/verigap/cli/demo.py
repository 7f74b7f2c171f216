"""`verigap demo`: the diagnosis of samples that come with the package."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from verigap.cli.help_pages import FIRST_STEPS, page
from verigap.cli.options import QuietFlag, prepare_jax
from verigap.cli.output import say


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command(**page(FIRST_STEPS, "verigap demo --out demo"))(demo)


def demo(
    out: Annotated[Path, typer.Option("--out", help="Folder of the report.")] = Path(
        "verigap-demo"
    ),
    quiet: QuietFlag = False,
) -> None:
    """Diagnose 1,024 answers of a small language model: a first report, in a minute."""
    prepare_jax()
    import verigap as vg
    from verigap.cli.progress import diagnosis_bar
    from verigap.shipped import DEMO, shipped_path

    with diagnosis_bar("demo", quiet=quiet) as report:
        found = vg.diagnose(shipped_path(DEMO), out, report=report)
    for group in found.content["groups"]:
        _show(group)
    say(f"{found.files[0]}: the whole report, to be opened in a browser")
    say(
        "Next: verigap diagnose TRACES does this with your samples, verigap examples --copy DIR "
        "copies those"
    )


def _show(group: Mapping[str, Any]) -> None:
    """Both decisions and the worth of a check, a line each."""
    shown, select, train = group["currency"], group["select"], group["train"]
    say(f"select: {select['decision'][shown]['sentence']}")
    if train is not None:
        say(f"train: {train['decision'][shown]['sentence']}")
    say(f"check: {select['check']['by_currency'][shown]['sentence']}")
