"""Where the program starts: signals are taken over before anything else is imported."""

from __future__ import annotations

from typing import NoReturn

from verigap.cli.interrupts import guarded


def main() -> NoReturn:
    """Entry point of `verigap`."""
    guarded(_run)


def _run() -> None:
    from verigap.cli.main import main as run

    run()
