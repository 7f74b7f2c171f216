"""Compute stored cells again, and say how far what is stored lies from that."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from verigap.sim.sweeps.cells import LoadedSweep, laid_out_sweep
from verigap.sim.sweeps.config import ConfigError
from verigap.sim.sweeps.run import run_in_memory
from verigap.sim.sweeps.stored import stored_cells, stored_config
from verigap.storage.progress import Progress
from verigap.storage.run_store import RunStore, StoreError

TOLERANCE = 1e-9
"""Largest relative difference by default: machines and compilers differ in the last digits."""

NOTHING = 1e-12
"""Numbers no further apart than this are equal: what rounding leaves of 0 has no digits."""


@dataclass(frozen=True, kw_only=True)
class CellComparison:
    """A stored cell beside the same cell computed again.

    Attributes:
      cell: its name.
      difference: the largest relative difference of two numbers, |a - b| / max(|a|, |b|); infinite
        where one lacks a value or has another text, NaN where it could not be computed again.
      where: the value that differs most; empty where all are equal.
      error: why it could not be computed again; empty where it was.
    """

    cell: str
    difference: float
    where: str = ""
    error: str = ""


@dataclass(frozen=True, kw_only=True)
class Rerun:
    """Cells of a run that were computed again.

    Attributes:
      comparisons: one for each, in the order of their names.
      stored: how many cells the run has.
      tolerance: the largest difference that counts as the same.
    """

    comparisons: tuple[CellComparison, ...]
    stored: int
    tolerance: float

    @property
    def ok(self) -> bool:
        """Whether every cell was computed again and none differs by more than the tolerance."""
        return all(found.difference <= self.tolerance for found in self.comparisons)


def rerun(
    run: str | Path,
    cells: Sequence[str] | None = None,
    *,
    tolerance: float = TOLERANCE,
    tables: str | Path = ".",
    report: Callable[[Progress], None] = lambda progress: None,
) -> Rerun:
    """Compute cells of a run folder again and compare; nothing is written.

    They are computed in the precision of JAX; the command line computes in float64.

    Args:
      run: the folder of a sweep.
      cells: names of stored cells, or beginnings that only one has. Default: all.
      tolerance: the largest relative difference that counts as the same, at least 0.
      tables: what the paths of law tables in the configuration are relative to.
      report: called before and after every step.

    Raises:
      StoreError: the folder is no run, or not as its run left it; a cell is not stored.
      ConfigError: the configuration cannot be laid out, as a law table is missing.
      ValueError: the tolerance is out of range.

    Example:
      >>> import tempfile
      >>> from verigap.sim.sweeps import run_sweep, sweep_from
      >>> from verigap.sim.sweeps.repeating import rerun
      >>> sweep = sweep_from({
      ...     "replicates": 50,
      ...     "learners": ["vf-mle"],
      ...     "sweeps": [{"name": "demo", "horizon": 16, "data_budget": 16, "log2_class_size": 8}],
      ... })
      >>> with tempfile.TemporaryDirectory() as folder:
      ...     _ = run_sweep(sweep, f"{folder}/run")
      ...     found = rerun(f"{folder}/run")
      >>> found.ok, found.comparisons[0].difference
      (True, 0.0)
    """
    if not 0.0 <= tolerance < math.inf:
        raise ValueError(f"tolerance: must be a number from 0, not {tolerance}")
    store = RunStore.read_only(run)
    stored = {row["cell"]: row for row in stored_cells(store).to_dicts()}
    names = _chosen(run, tuple(stored), cells)
    sweep, why = laid_out_sweep(stored_config(store), tables)
    again = run_in_memory(_part(run, sweep, names, why), report=report)
    rows = {row["cell"]: row for row in again.rows()}
    failures = {str(failure["cell"]): str(failure["error"]) for failure in again.failures}
    return Rerun(
        comparisons=tuple(
            _compared(name, stored[name], rows[name])
            if name in rows
            else CellComparison(cell=name, difference=math.nan, error=failures[name])
            for name in names
        ),
        stored=len(stored),
        tolerance=tolerance,
    )


def _chosen(run: str | Path, stored: Sequence[str], asked: Sequence[str] | None) -> list[str]:
    if not stored:
        raise StoreError(f"{run}: no finished cell; sweep again")
    if asked is None:
        return sorted(stored)
    names: set[str] = set()
    for start in asked:
        found = [name for name in stored if name.startswith(start)]
        if len(found) != 1 or not start:
            what = "begins the names of several" if len(found) > 1 else "is the name of none"
            raise StoreError(
                f"cells: {start!r} {what} of the {len(stored)} cells of {run} (such as "
                f"{min(stored)})"
            )
        names.update(found)
    return sorted(names)


def _part(run: str | Path, sweep: LoadedSweep, names: Sequence[str], why: str) -> LoadedSweep:
    known = {cell.name: cell for cell in sweep.cells}
    strangers = [name for name in names if name not in known]
    if strangers:
        what = f"{run}: cell {strangers[0]} cannot be computed again"
        raise ConfigError(
            f"{what}: {why}" if why else f"{what}, as the run's config.yaml lays out no such cell"
        )
    return replace(sweep, cells=tuple(known[name] for name in names))


def _compared(name: str, stored: Mapping[str, Any], again: Mapping[str, Any]) -> CellComparison:
    worst, where = 0.0, ""
    for place, first, second in _pairs(stored, again, ""):
        difference = _difference(first, second)
        if difference > worst:
            worst, where = difference, place
    return CellComparison(cell=name, difference=worst, where=where)


def _pairs(first: Any, second: Any, place: str) -> Iterator[tuple[str, Any, Any]]:
    """Values of two rows at the same place; a place that only one has is a pair with None."""
    if isinstance(first, Mapping) and isinstance(second, Mapping):
        for key in dict.fromkeys([*first, *second]):
            yield from _pairs(first.get(key), second.get(key), f"{place}.{key}".strip("."))
    elif isinstance(first, list) and isinstance(second, list):
        if len(first) != len(second):
            yield f"{place} (number of values)", str(len(first)), str(len(second))
            return
        for number, (one, other) in enumerate(zip(first, second, strict=True)):
            yield from _pairs(one, other, f"{place}[{_label(one, number)}]")
    else:
        yield place, first, second


def _label(entry: Any, number: int) -> str:
    named = entry.get("learner") if isinstance(entry, Mapping) else None
    return str(number) if named is None else str(named)


def _difference(first: Any, second: Any) -> float:
    numbers = isinstance(first, int | float) and isinstance(second, int | float)
    if first == second or (numbers and first != first and second != second):
        return 0.0
    if not numbers or not (math.isfinite(first) and math.isfinite(second)):
        return math.inf
    apart = abs(first - second)
    return 0.0 if apart <= NOTHING else apart / max(abs(first), abs(second))
