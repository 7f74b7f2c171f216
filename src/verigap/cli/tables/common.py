"""How results look in a terminal."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from verigap.cli.output import make_console, one_line

if TYPE_CHECKING:
    from verigap.llm_validation.budgets import ChosenHorizons


def table_number(value: float | None, scale: float = 0.0) -> str:
    """Four significant digits, or a dash where there is no number.

    Args:
      value: the number.
      scale: size of the numbers that it was computed from; what rounding makes of 0 there is 0.
    """
    if value is None or math.isnan(value):
        return "-"
    return "0" if abs(value) <= 1e-12 * scale else f"{value:.4g}"


def open_console(width: int = 120) -> Console:
    """A console wide enough for the tables when the output is not a terminal."""
    console = make_console()
    return console if console.is_terminal else make_console(width=width)


def plain_table(title: str, *columns: str, words: str = "") -> Table:
    """A table without lines: the first column to the left, numbers to the right.

    Args:
      title: title of the table.
      columns: headings of the columns.
      words: heading of a last column of words, which wraps where numbers never do.
    """
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for index, column in enumerate(columns):
        table.add_column(column, justify="left" if index == 0 else "right", no_wrap=True)
    if words:
        table.add_column(words, justify="left", overflow="fold")
    return table


def chosen_line(chosen: ChosenHorizons) -> str:
    """Which budgets were chosen for a group, and why these."""
    budgets = ", ".join(map(str, chosen.horizons))
    name = group_name(chosen.dataset, chosen.model)
    return f"budgets of {name}, as --horizon was not given: H = {budgets}: {chosen.reason}"


def series_name(series: str) -> str:
    """A series of cells, whose parameters a configuration spells, in a cell of a table."""
    return escape(one_line(series))


def group_name(dataset: str, model: str) -> str:
    """What a (dataset, model) is called."""
    return one_line(" ".join(part for part in (dataset, model) if part)) or "traces"
