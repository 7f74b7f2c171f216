"""What the lengths of traces count: the one type that carries the unit, and its words."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class LengthUnit(StrEnum):
    """What budgets H, lengths, first-correct indices and returns count. Its text is the plural.

    Tables store the text. `LengthUnit("words")` reads it, and raises ValueError on any other text.
    """

    TOKENS = "tokens"
    WORDS = "words"
    CHARACTERS = "characters"

    @property
    def singular(self) -> str:
        """One of them: "token"."""
        return self.value.removesuffix("s")

    @property
    def of_correct_trace(self) -> str:
        """The unit of returns and values: "tokens of correct trace"."""
        return f"{self.value} of correct trace"


UNITS = tuple(unit.value for unit in LengthUnit)
"""Every text that the column `unit` of a table may hold."""


def shared_unit(units: Iterable[LengthUnit]) -> LengthUnit | None:
    """The unit that all of them are; None where they differ or there is none."""
    distinct = set(units)
    return distinct.pop() if len(distinct) == 1 else None
