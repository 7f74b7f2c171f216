"""Figures: one module each, drawn from stored runs and computed contents.

A module of this package that is a figure has `NEEDS` (what `draw` is given, by name), `SHOWS` (one
sentence), `draw(data)` and `caption(data)`, and its name in `_NAMES`.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from verigap.figures.needs import Report, Run
from verigap.storage.files import write_durably

__all__ = ["FIGURES", "draw_figure", "known_names", "obtain", "read_run"]

_NAMES = (
    "compute-and-data",
    "bilevel-reward",
    "planted",
    "zoo",
    "anticoncentration",
    "controlled-heterogeneity",
    "scaling",
    "equal-budget",
    "heterogeneity",
    "coverage",
    "tightness",
    "phase",
    "frontier",
    "erring-verifiers",
    "information-rates",
    "prediction",
)
"""Every figure; its module has the same name with underscores."""

FIGURES: dict[str, ModuleType] = {
    name: import_module(f"{__name__}.{name.replace('-', '_')}") for name in _NAMES
}
"""Every figure by its name."""


def obtain(
    name: str,
    folder: Path,
    *,
    full: bool = False,
    report: Report = lambda doing, progress: None,
) -> dict[str, Any]:
    """What a figure is drawn from; runs are made or continued, contents computed or read.

    Args:
      name: registry name.
      folder: where runs and contents are kept.
      full: use the full configurations.
      report: told what is being made.

    Raises:
      ValueError: for an unknown name, or where a need cannot be met.

    Example:
      >>> from pathlib import Path
      >>> from verigap.figures import obtain
      >>> {need: len(cells) for need, cells in obtain("planted", Path("runs")).items()}
      {'run': 39}
    """
    needs = _figure(name).NEEDS
    return {key: need.obtain(folder, full, report) for key, need in needs.items()}


def read_run(name: str, run: Path) -> dict[str, Any]:
    """What a figure of one sweep is drawn from, read from a run folder as it is.

    Raises:
      ValueError: for an unknown name, a figure that needs more than a run, or no run.

    Example:
      >>> from pathlib import Path
      >>> from verigap.figures import read_run
      >>> list(read_run("scaling", Path("docs/runs/quickstart")))
      ['run']
    """
    from verigap.sim.sweeps.stored import read_rows

    needs = _figure(name).NEEDS
    if [type(need) for need in needs.values()] != [Run]:
        raise ValueError(f"figure {name!r} is not drawn from one run; leave out `run`")
    (key,) = needs
    return {key: read_rows(run)}


def draw_figure(name: str, data: Mapping[str, Any], folder: Path) -> list[Path]:
    """Draw one figure as PDF and PNG, with its caption beside them.

    Args:
      name: registry name.
      data: from `obtain` or `read_run`.
      folder: where the files go; made if missing.

    Returns:
      The files.

    Raises:
      ValueError: for an unknown name, or data without what the figure shows.

    Example:
      >>> import tempfile
      >>> from pathlib import Path
      >>> from verigap.figures import draw_figure, read_run
      >>> data = read_run("scaling", Path("docs/runs/quickstart"))
      >>> with tempfile.TemporaryDirectory() as folder:
      ...     [path.name for path in draw_figure("scaling", data, Path(folder))]
      ['scaling.pdf', 'scaling.png', 'scaling.txt']
    """
    from verigap.figures.style import styled

    module = _figure(name)
    with styled():
        figure = module.draw(data)
        text = module.caption(data)
        folder.mkdir(parents=True, exist_ok=True)
        written = [folder / f"{name}.{kind}" for kind in ("pdf", "png", "txt")]
        # Neither a date nor a version: the same numbers draw the same bytes.
        pages = io.BytesIO(), io.BytesIO()
        figure.savefig(pages[0], format="pdf", metadata={"CreationDate": None, "Producer": None})
        figure.savefig(pages[1], format="png", metadata={"Software": None})
    contents = (*(page.getvalue() for page in pages), f"{text}\n".encode())
    for path, content in zip(written, contents, strict=True):
        write_durably(path, content)
    return written


def known_names(names: Sequence[str]) -> list[str]:
    """The names, or all there are.

    Raises:
      ValueError: for an unknown name.

    Example:
      >>> from verigap.figures import known_names
      >>> known_names(["scaling"])
      ['scaling']
    """
    for name in names:
        _figure(name)
    return list(names) or list(FIGURES)


def _figure(name: str) -> ModuleType:
    if name not in FIGURES:
        raise ValueError(f"unknown figure {name!r}; one of {', '.join(FIGURES)}")
    return FIGURES[name]
