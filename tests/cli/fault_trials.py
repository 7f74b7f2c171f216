"""Faults inflicted on run folders many times over, and what became of each."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from typing import Any, Protocol

CHAOS = "chaos"
"""Name of the property of a test's report that has a row of the table."""


class Record(Protocol):
    """pytest's `record_property`, whose values travel from test processes to the summary."""

    def __call__(self, name: str, value: object) -> None: ...


def trials(
    fault: str, number: int, trial: Callable[[random.Random], str], record: Record
) -> Counter[str]:
    """Try a fault so many times; a row of the table says how often all was as it should be.

    Args:
      fault: its name; it also seeds what is drawn.
      number: of trials.
      trial: inflicts it, checks what has to hold, and returns what was seen in a few words.
      record: takes the row.

    Raises:
      AssertionError: of the first trial that was not as it should be, after all of them.
    """
    draw = random.Random(f"faults {fault}")
    seen, wrong = Counter[str](), list[AssertionError]()
    for _ in range(number):
        try:
            seen[trial(draw)] += 1
        except AssertionError as problem:
            wrong.append(problem)
    record(CHAOS, row(fault, number, number - len(wrong), seen))
    if wrong:
        raise wrong[0]
    return seen


def row(fault: str, number: int, right: int, seen: Counter[str]) -> list[str]:
    """A row of the table: the fault, trials, those as they should be, and what was seen."""
    said = ", ".join(f"{count} {what}" for what, count in sorted(seen.items()))
    return [fault, str(number), str(right), said]


def write_table(terminalreporter: Any) -> None:
    """Write the rows of all tests of a session below their reports, for pytest's summary."""
    reports = [report for kind in terminalreporter.stats.values() for report in kind]
    rows = [value for report in reports if getattr(report, "when", "") == "call"
            for name, value in report.user_properties if name == CHAOS]  # fmt: skip
    if rows:
        terminalreporter.section("faults")
        for line in table(rows):
            terminalreporter.write_line(line)


def table(rows: list[list[str]]) -> list[str]:
    """The rows below their heading, as lines."""
    rows = [["fault", "trials", "as it should", "seen"], *rows]
    widths = [max(len(one[place]) for one in rows) for place in range(3)]
    return [
        f"{name:{widths[0]}}  {number:>{widths[1]}}  {right:>{widths[2]}}  {seen}"
        for name, number, right, seen in rows
    ]
