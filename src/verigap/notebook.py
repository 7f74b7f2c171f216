"""Results as HTML tables, as a notebook shows them."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from typing import NamedTuple


class Table(NamedTuple):
    """A table of text and numbers.

    Attributes:
      title: above the table.
      columns: names.
      rows: as many entries each as there are columns; numbers are shown with four digits.
    """

    title: str
    columns: Sequence[str]
    rows: Iterable[Sequence[object]]


def html_tables(tables: Iterable[Table]) -> str:
    """The tables as HTML. All text is escaped, as names come from anybody's files."""
    return "".join(_table(table) for table in tables)


def _table(table: Table) -> str:
    head = "".join(f"<th>{_cell(name)}</th>" for name in table.columns)
    body = "".join(
        "<tr>" + "".join(f"<td>{_cell(value)}</td>" for value in row) + "</tr>"
        for row in table.rows
    )
    return (
        f"<table><caption>{_cell(table.title)}</caption>"
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    )


def _cell(value: object) -> str:
    if isinstance(value, float):
        return "–" if value != value else f"{value:.4g}"
    hidden = "\N{REPLACEMENT CHARACTER}"
    return html.escape("".join(c if c.isprintable() else hidden for c in str(value)))
