"""`verigap examples`: list or copy what comes with the package."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from verigap.cli.help_pages import FIRST_STEPS, page
from verigap.cli.options import JsonFlag, show_json
from verigap.cli.output import say


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command(**page(FIRST_STEPS, "verigap examples --copy ."))(examples)


def examples(
    copy: Annotated[
        Path | None,
        typer.Option("--copy", metavar="DIR", help="Copy all of it there; overwrites nothing."),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Tables, configurations and a run to try commands on: list them, or copy them to a folder."""
    from verigap.shipped import copy_files, entries

    found = entries()
    copied = None if copy is None else copy_files(copy)
    if as_json:
        show_json(
            {
                "copied_to": None if copy is None else str(copy),
                "entries": [
                    {
                        "name": entry.name,
                        "about": entry.about,
                        "files": list(entry.files),
                        "bytes": entry.size,
                    }
                    for entry in found
                ],
            }
        )
        return
    width = max(len(entry.name) for entry in found)
    for entry in found:
        say(f"{entry.name:{width}}  {_size(entry.size):>6}  {entry.about}")
    if copied is None:
        say("verigap examples --copy DIR copies them")
    else:
        say(f"{copy}: {len(copied)} files copied")


def _size(size: int) -> str:
    return f"{size / 1000:.0f} kB" if size >= 1000 else f"{size} B"
