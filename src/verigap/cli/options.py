"""What several commands read from their options."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

Number = TypeVar("Number", int, float)


def numbers(text: str, option: str, kind: Callable[[str], Number]) -> tuple[Number, ...]:
    """Numbers separated by commas.

    Raises:
      ValueError: one of them is no number; the message names the option.
    """
    try:
        return tuple(kind(part) for part in text.split(","))
    except ValueError:
        wanted = "whole numbers" if kind is int else "numbers"
        raise ValueError(f"{option}: expected {wanted} and commas, not {text!r}") from None


def command_line() -> list[str]:
    """What the user typed, for the account of a run: the program by name, wherever it lies."""
    return [Path(sys.argv[0]).name, *sys.argv[1:]]
