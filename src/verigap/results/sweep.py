"""Cells of a sweep, drawn and tabled."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from verigap.notebook import Table
from verigap.results.shown import Shown
from verigap.sim.sweeps.frame import cells_by_learners

if TYPE_CHECKING:
    import polars as pl
    from matplotlib.figure import Figure

_SHOWN_ROWS = 50


@dataclass(frozen=True, kw_only=True, eq=False)
class SweepResult(Shown):
    """What a sweep computed.

    Attributes:
      rows: finished cells as the run store keeps them.
      cells: cells of the sweep.
      resumed: of these, finished before the call.
      failures: `cell` and `error` of every cell that failed.
      bounds: names to check that the configuration asks for; None for all.
      out: the run folder, or None where nothing was written.
      warnings: what the store had to repair.
    """

    rows: Sequence[Mapping[str, Any]]
    cells: int
    resumed: int
    failures: tuple[Mapping[str, Any], ...]
    bounds: tuple[str, ...] | None
    out: Path | None
    warnings: tuple[str, ...]

    @cached_property
    def frame(self) -> pl.DataFrame:
        """One row a cell and learner; see `sim.sweeps.frame.cells_by_learners`."""
        return cells_by_learners(self.rows)

    def tables(self) -> Iterable[Table]:
        """The first rows of the frame."""
        frame = self.frame
        done = f"{len(self.rows)} of {self.cells} cells done"
        more = f"; the first {_SHOWN_ROWS} rows" if frame.height > _SHOWN_ROWS else ""
        return [Table(done + more, frame.columns, frame.head(_SHOWN_ROWS).iter_rows())]

    def plot(self) -> Figure:
        """Risk of every learner along the parameter that varies most."""
        from verigap.figures.results import draw_sweep

        return draw_sweep(self.frame)
