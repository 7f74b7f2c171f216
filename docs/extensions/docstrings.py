"""Docstrings for reStructuredText: plain text and code in backticks, so all else is escaped."""

import re

from sphinx.application import Sphinx

_CODE = re.compile(r"(``.+?``|`[^`]+`)", re.DOTALL)
_PAGE = re.compile(r"\bdocs/([\w/-]+)\.md(#[\w-]+)?")
# E_x[...] and J* are formulas here, not a reference and not emphasis.
_MARKS = re.compile(r"[\\*|]|(?<=\w)_(?=\W|$)")


def escape(text: str) -> str:
    """The text with reStructuredText's marks escaped outside code."""
    pieces = _CODE.split(text)
    return "".join(
        piece if number % 2 else _MARKS.sub(lambda mark: "\\" + mark[0], piece)
        for number, piece in enumerate(pieces)
    )


def _process(
    app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]
) -> None:
    # Pages of the reference lie two folders down (api/generated); docs/check.py checks the anchors.
    text = _PAGE.sub(r"`\g<0> <../../\1.html\2>`__", escape("\n".join(lines)))
    lines[:] = text.split("\n")


def _skip(
    app: Sphinx, what: str, name: str, obj: object, skip: bool, options: object
) -> bool | None:
    """Fields of named tuples are listed in the docstring of the class."""
    return True if str(getattr(obj, "__doc__", "")).startswith("Alias for field number") else None


def setup(app: Sphinx) -> dict[str, bool]:
    """Escape before napoleon reads the sections, whose own marks must survive."""
    app.connect("autodoc-process-docstring", _process, priority=400)
    app.connect("autodoc-skip-member", _skip)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
