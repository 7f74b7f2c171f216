"""How results look in a terminal."""

from __future__ import annotations

import math

from rich.console import Console
from rich.table import Table

from verigap.sim.relabelling.risk import Risk


def number(value: float | None) -> str:
    """Four significant digits, or a dash where there is no number."""
    if value is None or math.isnan(value):
        return "-"
    return f"{value:.4g}"


def open_console(width: int = 120) -> Console:
    """A console wide enough for the tables when the output is not a terminal."""
    console = Console()
    return console if console.is_terminal else Console(width=width)


def plain_table(title: str, *columns: str) -> Table:
    """A table without lines: the first column to the left, numbers to the right."""
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for index, column in enumerate(columns):
        table.add_column(column, justify="left" if index == 0 else "right", no_wrap=True)
    return table


def how_certain(risk: Risk) -> str:
    """The standard error of a simulated mean, else how the risk was computed."""
    if risk.method != "simulation" or risk.standard_error is None:
        return risk.method
    # A spread of the size of rounding is none; the method is what says that this is no closed form.
    if risk.standard_error <= 1e-12 * abs(risk.value):
        return f"0 in {risk.replicates:,} draws"
    return number(risk.standard_error)
