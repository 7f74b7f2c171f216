"""A report folder: report.html, report.json and report.md, each of which appears whole."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from verigap.llm_validation.deciding.decisions import Verifier
from verigap.llm_validation.deciding.prices import Prices
from verigap.llm_validation.reporting.content import FORMAT, diagnosis_content
from verigap.llm_validation.reporting.diagnosis import Diagnosis
from verigap.llm_validation.reporting.markdown import HEAD, render_markdown
from verigap.llm_validation.reporting.page import PageFigure, render_page
from verigap.storage.files import strict_json, write_durably
from verigap.storage.tables import TableError

# By these words a file is known to be one of ours.
_MARKS = {
    "report.html": '<meta name="generator" content="verigap',
    "report.json": f'"format": "{FORMAT.rsplit(" ", 1)[0]}',
    "report.md": HEAD,
}
_LOOKED_AT = 2000
STAGES = ".stages"
"""Folder beside the report that keeps the results of its stages until it is written."""


def refuse_foreign(folder: Path) -> None:
    """Raise `TableError` unless the folder is missing, empty, or holds an earlier report."""
    try:
        if not folder.exists():
            return
        if not folder.is_dir():
            raise TableError(f"{folder}: is a file, not a folder; choose another path")
        for path in folder.iterdir():
            # What a writer that was killed left behind is ours, too.
            if path.name.startswith(".report.") and path.suffix == ".tmp":
                continue
            if path.name == STAGES and path.is_dir():
                continue
            mark = _MARKS.get(path.name)
            if mark is None or not path.is_file() or mark not in _head(path):
                raise TableError(f"{folder}: holds other things than a report; choose a new folder")
    except OSError as error:
        raise _unusable(folder, error) from None


@dataclass(frozen=True, kw_only=True)
class WrittenReport:
    """The report of a diagnosis.

    Attributes:
      content: what it says, as `diagnosis_content` lists it.
      page: the same as HTML, with figures.
      files: what was written, the page first; empty without a folder.
    """

    content: Mapping[str, Any]
    page: str
    files: tuple[Path, ...] = ()


def write_report(
    diagnosis: Diagnosis,
    folder: Path | None,
    *,
    draw: Callable[[Mapping[str, Any]], Sequence[PageFigure]],
    currency: str = "accuracy",
    verifier: Verifier | None = None,
    prices: Prices | None = None,
    spend: float | None = None,
    include_text: bool = False,
) -> WrittenReport:
    """Put a diagnosis into words and figures, and write it to a folder.

    Args:
      diagnosis: of a trace table.
      folder: made if missing; an earlier report there is replaced. None writes nothing.
      draw: makes the figures of one group from its entry of the content's `groups`, such as
        `figures.diagnosis.draw_group`.
      currency: that the first screen is in.
      verifier: the one the user has; None decides among all arms but the exact check.
      prices: what tokens, checks and labels cost.
      spend: the most that a prompt may cost.
      include_text: whether samples of the traces' text are shown.

    Raises:
      TableError: the folder holds other things, or cannot be written.
    """
    content = diagnosis_content(
        diagnosis,
        currency=currency,
        verifier=verifier,
        prices=prices,
        spend=spend,
        include_text=include_text,
    )
    page = render_page(content, [draw(group) for group in content["groups"]])
    files = () if folder is None else tuple(write_files(folder, content, page))
    return WrittenReport(content=content, page=page, files=files)


def write_files(folder: Path, content: Mapping[str, Any], page: str) -> list[Path]:
    """Write the three files; an earlier report in the folder is replaced.

    Args:
      folder: made if missing.
      content: of `diagnosis_content`.
      page: of `render_page`.

    Raises:
      TableError: the folder holds other things, or cannot be written.
    """
    refuse_foreign(folder)
    texts = {
        "report.html": page,
        "report.json": strict_json(content) + "\n",
        "report.md": render_markdown(content),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for leftover in folder.glob(".report.*.tmp"):
            leftover.unlink(missing_ok=True)
        for name, text in texts.items():
            # Lone halves of characters, which JSON may hold, are no UTF-8.
            write_durably(folder / name, text.encode("utf-8", "replace"))
        shutil.rmtree(folder / STAGES, ignore_errors=True)
    except OSError as error:
        raise _unusable(folder, error) from None
    return [folder / name for name in texts]


def _head(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(_LOOKED_AT).decode("utf-8", "replace")


def _unusable(folder: Path, error: OSError) -> TableError:
    return TableError(f"{folder}: cannot be written ({error.strerror}); choose another path")
