"""Figures: one module each, drawn from stored runs and never simulating on its own."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

from verigap.figures import planted, scaling

FIGURES: dict[str, ModuleType] = {"scaling": scaling, "planted": planted}


def draw_figures(run: Path, folder: Path, names: Iterable[str] = ()) -> list[Path]:
    """Draw figures of a run as PDF and PNG, with their captions beside them.

    Args:
      run: run folder.
      folder: where the files go; made if missing.
      names: registry names; by default all that the run has the cells for.

    Raises:
      ValueError: for an unknown name, or a run without the cells a figure needs.
    """
    from verigap.figures.style import styled
    from verigap.sim.store import RunStore

    rows = RunStore.read_only(run).read_cells().to_dicts()
    written = []
    for name in names or _applicable(rows):
        if name not in FIGURES:
            raise ValueError(f"unknown figure {name!r}; one of {', '.join(FIGURES)}")
        with styled():
            figure = FIGURES[name].draw(rows)
            folder.mkdir(parents=True, exist_ok=True)
            for kind, metadata in (("pdf", {"CreationDate": None}), ("png", {"Software": None})):
                path = folder / f"{name}.{kind}"
                figure.savefig(path, metadata=metadata)
                written.append(path)
        text = folder / f"{name}.txt"
        text.write_text(FIGURES[name].caption(rows) + "\n", encoding="utf-8")
        written.append(text)
    return written


def _applicable(rows: list[dict[str, Any]]) -> list[str]:
    found = [name for name, figure in FIGURES.items() if figure.applies(rows)]
    if not found:
        needs = ", ".join(f"{name} ({figure.CONFIG})" for name, figure in FIGURES.items())
        raise ValueError(f"the run has the cells of no figure; there are: {needs}")
    return found
