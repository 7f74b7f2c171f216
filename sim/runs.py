"""Run or resume a sweep in a run folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from verigap.sim.provenance import collect_provenance
from verigap.sim.store import RunStore
from verigap.sim.sweep import LoadedSweep


@dataclass(frozen=True)
class Progress:
    """How far a sweep has come: cells done in all, to do in all, failed in this session."""

    done: int
    total: int
    failed: int


@dataclass(frozen=True)
class Outcome:
    """What a call of `run_sweep` did.

    Attributes:
      cells: cells of the sweep.
      resumed: of these, finished before the call.
      failed: cells that failed in this call; they are retried by the next one.
      warnings: what the store had to repair.
    """

    cells: int
    resumed: int
    failed: int
    warnings: tuple[str, ...]


def run_sweep(
    sweep: LoadedSweep,
    folder: str | Path,
    *,
    command: Sequence[str] = (),
    report: Callable[[Progress], None] = lambda progress: None,
) -> Outcome:
    """Simulate every unfinished cell of a sweep and store the results batch by batch.

    Args:
      sweep: a loaded configuration.
      folder: run folder, created or continued.
      command: what the user typed, for the provenance.
      report: called after every batch.

    Raises:
      StoreError: if the folder belongs to another configuration, is locked, or is not a run.
    """
    from verigap.sim.engine import batches, run_batch

    provenance = collect_provenance(command, sweep.config.seed)
    with RunStore.open(folder, sweep.resolved_yaml(), provenance) as store:
        finished = store.finished_cells() & {cell.name for cell in sweep.cells}
        todo = [cell for cell in sweep.cells if cell.name not in finished]
        done, failed = len(finished), 0
        report(Progress(done, len(sweep.cells), failed))
        for batch in batches(sweep, todo) if todo else ():
            try:
                rows = run_batch(batch, sweep.config.seed)
            except (ValueError, TypeError, ArithmeticError, RuntimeError, MemoryError) as error:
                message = f"{type(error).__name__}: {error}".splitlines()[0]
                store.record_failures(
                    [{"cell": cell.name, "error": message} for cell in batch.cells]
                )
                failed += len(batch.cells)
            else:
                store.write_batch(pl.DataFrame(rows))
                done += len(batch.cells)
            report(Progress(done, len(sweep.cells), failed))
        return Outcome(len(sweep.cells), len(finished), failed, tuple(store.warnings))
