"""How verdicts on bounds look in a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from verigap.cli.tables.common import open_console, plain_table, table_number
from verigap.sim.checks import Exponent, Report


def show_check(report: Report, fits: Sequence[Exponent], rows: Sequence[Mapping[str, Any]]) -> None:
    """Verdicts, exponents, and the worst violations."""
    console = open_console()
    table = plain_table(
        f"Bounds against {len(rows)} simulated cells (family-wise error 0.001)",
        "bound",
        "verdict",
        "cells",
        "violated",
        "vacuous",
        "median ratio",
        "worst ratio",
    )
    for verdict in report.verdicts:
        if verdict.cells == 0:
            word = "not applicable"
        else:
            word = "VIOLATED" if verdict.violations else "holds"
        table.add_row(
            verdict.name,
            word,
            str(verdict.cells),
            str(verdict.violations),
            str(verdict.vacuous),
            table_number(verdict.median_ratio),
            table_number(verdict.worst_ratio),
        )
    console.print(table, highlight=False)
    console.print(
        "ratio = measured / bound where the bound is positive (else vacuous): at least 1 for lower "
        "bounds, at most 1 for upper ones\n",
        highlight=False,
    )
    if fits:
        table = plain_table("Fitted exponent of H", "series", "quantity", "points", "slope", "95 %")
        for fit in fits:
            if "posterior-sampling" in fit.quantity:
                continue  # as vf-mle; --json has them all
            interval = f"{fit.low:.3f} .. {fit.high:.3f}"
            table.add_row(fit.series, fit.quantity, str(fit.points), f"{fit.slope:.3f}", interval)
        console.print(table, highlight=False)
    worst = sorted((test for test in report.tests if test.violated), key=lambda test: test.p_value)
    for test in worst[:5]:
        console.print(
            f"violated: {test.bound} in cell {test.cell} by {test.learner}: measured "
            f"{table_number(test.measured)}, bound {table_number(test.value)}, "
            f"p = {test.p_value:.1e}",
            highlight=False,
        )
    console.print("[bold]every bound holds[/]" if report.ok else "[bold red]a bound is violated[/]")
