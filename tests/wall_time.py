"""The time that every file of tests took, printed at the end of a run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

LONG_SECONDS = 20.0
"""From here on a file says why it takes so long."""

REASONS: dict[str, str] = {}
"""Why a file takes long, by its path."""


def by_file(reports: Iterable[Any]) -> dict[str, float]:
    """Seconds of every file, setting up and tearing down included, the longest first."""
    seconds: defaultdict[str, float] = defaultdict(float)
    for report in reports:
        if hasattr(report, "duration") and hasattr(report, "nodeid"):
            seconds[report.nodeid.partition("::")[0]] += report.duration
    return dict(sorted(seconds.items(), key=lambda each: -each[1]))


def lines(seconds: dict[str, float], shown: int = 20) -> list[str]:
    """A line for each of the longest files, with its reason where it is a long one."""
    return [
        f"{taken:7.1f} s  {name}"
        + (f"  ({REASONS.get(name, 'no reason given')})" if taken >= LONG_SECONDS else "")
        for name, taken in list(seconds.items())[:shown]
    ]
