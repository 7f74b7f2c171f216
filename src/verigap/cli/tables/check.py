"""How verdicts on bounds look in a terminal."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console

from verigap.cli.tables.common import (
    open_console,
    plain_table,
    series_name,
    table_number,
)
from verigap.sim.checks import Exponent, Report, Verdict
from verigap.sim.checks.run_check import RunCheck

_FAMILY_ERROR = "family-wise error 0.001"
_CAUGHT = (
    "caught from = the factor nearest to 1 that would have made it a violation here; none: no "
    "factor would"
)
_BOUND = "VF-LOWER"
_BEST_LEARNERS = ("vf-bayes", "vf-mle")


def show_check(
    report: Report,
    fits: Sequence[Exponent],
    rows: Sequence[Mapping[str, Any]],
    *,
    everything: bool,
) -> None:
    """Verdicts, exponents, and the worst violations.

    Args:
      report: verdicts on bounds.
      fits: exponents of the run.
      rows: its cells.
      everything: one line a bound and one a fitted power, not one a family and one a series.
    """
    console = open_console()
    if everything:
        _show_bounds(console, report, len(rows))
        _show_exponents(console, fits)
    else:
        _show_families(console, report, len(rows))
        _show_series(console, fits)
    worst = sorted((test for test in report.tests if test.violated), key=lambda test: test.p_value)
    for test in worst[:5]:
        console.print(
            f"violated: {test.bound} in cell {test.cell} by {test.learner}: measured "
            f"{table_number(test.measured)}, bound {table_number(test.value)}, "
            f"p = {test.p_value:.1e}",
            highlight=False,
            markup=False,
        )
    if not everything:
        console.print(
            "--all: every bound and every fitted power; --json: all of it", highlight=False
        )


def show_ending(found: RunCheck) -> None:
    """How many of the run's cells were there, and the verdict on the bounds in one line."""
    console = open_console()
    part = found.completeness
    console.print(f"of the run: {part.in_words}", highlight=False, markup=False, soft_wrap=True)
    if not part.complete:
        allowed = "that is allowed by --partial" if found.partial else "--partial allows that"
        console.print(f"the run is incomplete; {allowed}", highlight=False)
    if found.bounds is None:
        return
    where = "" if part.complete else f" in the {part.stored} cells that are there"
    console.print(
        f"[bold]every bound holds{where}[/]"
        if found.bounds.ok
        else "[bold red]a bound is violated[/]"
    )


def family_of(name: str, names: Sequence[str]) -> str:
    """The bound that a bound is a variant of, by its name; itself where there is none."""
    return min((other for other in names if f"{name}-".startswith(f"{other}-")), key=len)


def _show_families(console: Console, report: Report, cells: int) -> None:
    """One line a family of bounds."""
    names = [verdict.name for verdict in report.verdicts]
    families: dict[str, list[Verdict]] = {}
    for verdict in report.verdicts:
        families.setdefault(family_of(verdict.name, names), []).append(verdict)
    # Not as titles of the tables, which would be folded to their width.
    console.print(
        f"Bounds against {cells} simulated cells, a family a line ({_FAMILY_ERROR})",
        style="bold", highlight=False,
    )  # fmt: skip
    table = plain_table(
        "",
        "family", "verdict", "bounds", "cells", "violated", "vacuous", "tightest", "median ratio",
        "caught from",
    )  # fmt: skip
    for family, verdicts in families.items():
        tried = [verdict for verdict in verdicts if verdict.cells]
        members = {verdict.name for verdict in verdicts}
        tests = [test for test in report.tests if test.bound in members]
        cells_tried = {test.cell for test in tests}
        tightest = max(tried, key=_tightness, default=None)
        table.add_row(
            family,
            _word(len(tried), sum(verdict.violations for verdict in verdicts)),
            f"{len(tried)} of {len(verdicts)}",
            str(len(cells_tried)),
            str(len({test.cell for test in tests if test.violated})),
            str(len(cells_tried - {test.cell for test in tests if math.isfinite(test.ratio)})),
            *_named_ratio(tightest, family),
            _caught(tightest),
        )
    console.print(table, highlight=False)
    console.print(
        "bounds: how many of the family apply, in so many cells; vacuous: none is positive there; "
        "ratio = measured / bound of the tightest: at least 1 for lower bounds, at most 1 for "
        f"upper ones, negative where the learner beats the expert; {_CAUGHT}\n",
        highlight=False,
    )


def _named_ratio(tightest: Verdict | None, family: str) -> tuple[str, str]:
    if tightest is None or not math.isfinite(tightest.median_ratio):
        return "-", "-"
    name = "itself" if tightest.name == family else tightest.name
    return name, table_number(tightest.median_ratio)


def _caught(verdict: Verdict | None) -> str:
    """The smallest error of the bound that the run would have shown."""
    if verdict is None or not verdict.cells:
        return "-"
    factor = verdict.smallest_detectable
    return "none" if factor is None else table_number(factor)


def _tightness(verdict: Verdict) -> float:
    """How near the median ratio is to 1, from the side on which the bound holds."""
    ratio = verdict.median_ratio
    if not math.isfinite(ratio):
        return -math.inf
    if verdict.direction == "upper":
        return ratio
    return 1.0 / ratio if ratio > 0 else -math.inf


def _word(tried: int, violations: int) -> str:
    if tried == 0:
        return "not applicable"
    return "VIOLATED" if violations else "holds"


def _show_series(console: Console, fits: Sequence[Exponent]) -> None:
    """One line a series of cells: the powers of VF-LOWER and of what verifying adds."""
    known = {fit.quantity for fit in fits}
    learner = next((name for name in _BEST_LEARNERS if f"gap {name}" in known), None)
    columns = {
        _BOUND: _BOUND,
        f"gap {learner}": "gap, same leash",
        f"gap {learner}, unleashed": "gap, unleashed",
    }
    columns = {quantity: title for quantity, title in columns.items() if quantity in known}
    if not columns:
        return
    gap = "" if learner is None else f"; the gap is what verifying adds over {learner}"
    console.print(rf"Fitted exponent of H \[95 %]{gap}", style="bold", highlight=False)
    table = plain_table("", "series", *columns.values())
    table.columns[0].no_wrap, table.columns[0].overflow = False, "fold"
    powers = {(fit.series, fit.quantity): fit for fit in fits}
    for series in dict.fromkeys(fit.series for fit in fits):
        table.add_row(
            series_name(series), *(_power(powers.get((series, quantity))) for quantity in columns)
        )
    console.print(table, highlight=False)


def _power(fit: Exponent | None) -> str:
    return "-" if fit is None else rf"{fit.slope:.2f} \[{fit.low:.2f}, {fit.high:.2f}]"


def _show_bounds(console: Console, report: Report, cells: int) -> None:
    """One line a bound."""
    table = plain_table(
        f"Bounds against {cells} simulated cells ({_FAMILY_ERROR})",
        "bound",
        "verdict",
        "cells",
        "violated",
        "vacuous",
        "median ratio",
        "worst ratio",
        "caught from",
    )
    for verdict in report.verdicts:
        table.add_row(
            verdict.name,
            _word(verdict.cells, verdict.violations),
            str(verdict.cells),
            str(verdict.violations),
            str(verdict.vacuous),
            table_number(verdict.median_ratio),
            table_number(verdict.worst_ratio),
            _caught(verdict),
        )
    console.print(table, highlight=False)
    console.print(
        "ratio = measured / bound where the bound is positive (else vacuous): at least 1 for lower "
        f"bounds, at most 1 for upper ones; {_CAUGHT}\n",
        highlight=False,
    )


def _show_exponents(console: Console, fits: Sequence[Exponent]) -> None:
    """One line a fitted power."""
    if not fits:
        return
    table = plain_table("Fitted exponent of H", "series", "quantity", "points", "slope", "95 %")
    for fit in fits:
        if "posterior-sampling" in fit.quantity:
            continue  # as vf-mle; --json has them all
        interval = f"{fit.low:.3f} .. {fit.high:.3f}"
        table.add_row(
            series_name(fit.series), fit.quantity, str(fit.points), f"{fit.slope:.3f}", interval
        )
    console.print(table, highlight=False)
