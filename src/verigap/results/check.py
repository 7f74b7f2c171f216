"""A check of every bound against a run, drawn and tabled."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from verigap.notebook import Table
from verigap.results.shown import Shown
from verigap.sim.checks import Verdict
from verigap.sim.checks.run_check import RunCheck

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class CheckResult(RunCheck, Shown):
    """`RunCheck` with `plot()` and a table in a notebook."""

    def tables(self) -> Iterable[Table]:
        """One row a bound."""
        columns = (
            "bound", "verdict", "cells", "violated", "median ratio", "worst ratio", "caught from",
        )  # fmt: skip
        rows = [
            (
                verdict.name,
                _verdict(verdict.cells, verdict.violations),
                verdict.cells,
                verdict.violations,
                verdict.median_ratio,
                verdict.worst_ratio,
                _caught(verdict),
            )
            for verdict in (self.bounds.verdicts if self.bounds is not None else ())
        ]
        title = f"Bounds against {len(self.rows)} simulated cells"
        return [Table(f"{title} ({self.completeness.in_words})", columns, rows)]

    def plot(self) -> Figure:
        """Measured over bound, one line of dots a bound."""
        from verigap.figures.results import draw_check

        return draw_check(self)


def _caught(verdict: Verdict) -> float | str:
    """The smallest error of the bound that the run would have shown."""
    return "none" if verdict.smallest_detectable is None else verdict.smallest_detectable


def _verdict(cells: int, violations: int) -> str:
    if cells == 0:
        return "not applicable"
    return "VIOLATED" if violations else "holds"
