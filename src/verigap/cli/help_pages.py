"""What help pages have in common: the panels of the commands, and one example in each."""

from __future__ import annotations

from typing import Any

FIRST_STEPS = "First steps"
SAMPLES = "Samples of a model, in the order of work"
SETTINGS = "Settings and simulations"

_HEAD = "Example:\n\n"


def page(panel: str, example: str) -> dict[str, Any]:
    """Options of `app.command` for a command's place in the list and the end of its help.

    Args:
      panel: the panel that lists it.
      example: a command that works where `verigap examples --copy .` was called, unless it names a
        file in capitals, which is the user's.
    """
    return {"rich_help_panel": panel, "epilog": f"{_HEAD}{example}"}


def example_of(epilog: str | None) -> str | None:
    """The example that `page` put at the end of a help page."""
    return (epilog or "").removeprefix(_HEAD) or None
