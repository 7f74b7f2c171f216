"""Run or resume a sweep in a run folder."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence, Set
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from verigap.sim.sweeps.cells import LoadedSweep
from verigap.sim.sweeps.engine import Engine, LocalEngine, Session
from verigap.sim.sweeps.steps import Steps
from verigap.storage.bundles import Bundles, Store
from verigap.storage.progress import Progress
from verigap.storage.provenance import collect_provenance
from verigap.storage.run_store import RunStore

PACKAGES = ("verigap", "flax", "jax", "jaxlib", "numpy", "optax", "polars")
"""Packages whose versions a run folder keeps."""

LOCAL = LocalEngine()
"""The engine that is used unless another one is asked for."""


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
    engine: Engine = LOCAL,
) -> Outcome:
    """Simulate every unfinished cell of a sweep and store the results in bundles.

    Args:
      sweep: a loaded configuration.
      folder: run folder, created or continued.
      command: what the user typed, for the provenance.
      report: called before and after every step, of which a batch is one.
      engine: what computes the cells. Default: this process.

    Raises:
      ValueError: the engine cannot be used.
      StoreError: if the folder belongs to another configuration, is locked, or is not a run.

    Example:
      >>> import tempfile
      >>> from verigap.sim.sweeps import run_sweep, sweep_from
      >>> sweep = sweep_from({
      ...     "replicates": 50,
      ...     "learners": ["vf-mle", "vb-plug-in"],
      ...     "sweeps": [{"name": "demo", "horizon": 16, "data_budget": 16, "log2_class_size": 8}],
      ... })
      >>> with tempfile.TemporaryDirectory() as folder:
      ...     outcome = run_sweep(sweep, f"{folder}/run")
      >>> outcome.cells, outcome.failed
      (1, 0)
    """
    names = [cell.name for cell in sweep.cells]
    with engine.opened() as session:
        account = collect_provenance(command, sweep.config.seed, PACKAGES) | session.provenance()
        with RunStore.open(folder, sweep.resolved_yaml(), account, names) as store:
            finished = store.finished_cells() & set(names)
            failed = _compute(sweep, store, finished, store.path, report, session)
            return Outcome(len(sweep.cells), len(finished), failed, tuple(store.warnings))


def run_in_memory(
    sweep: LoadedSweep,
    *,
    report: Callable[[Progress], None] = lambda progress: None,
    engine: Engine = LOCAL,
) -> MemoryRun:
    """Simulate every cell of a sweep and keep the results in memory.

    Args:
      sweep: a loaded configuration.
      report: called before and after every step, of which a batch is one.
      engine: what computes the cells. Default: this process.

    Raises:
      ValueError: the engine cannot be used.

    Example:
      >>> from verigap.sim.sweeps import run_in_memory, sweep_from
      >>> sweep = sweep_from({
      ...     "replicates": 50,
      ...     "learners": ["vf-mle", "vb-plug-in"],
      ...     "sweeps": [{"name": "demo", "horizon": 16, "data_budget": 16, "log2_class_size": 8}],
      ... })
      >>> [row["horizon"] for row in run_in_memory(sweep).rows()]
      [16]
    """
    kept = MemoryRun(sweep.resolved_yaml())
    # Pre-trained bases of trained networks pass through files; these are gone afterwards.
    with engine.opened() as session, tempfile.TemporaryDirectory() as folder:
        _compute(sweep, kept, set(), Path(folder), report, session)
    return kept


class MemoryRun:
    """What a sweep has computed, kept in memory instead of a run folder.

    Attributes:
      config_yaml: the resolved configuration.
      failures: `cell` and `error` of every cell that failed.
    """

    def __init__(self, config_yaml: str) -> None:
        self.config_yaml = config_yaml
        self.failures: list[dict[str, object]] = []
        self._batches: list[pl.DataFrame] = []

    def write_batch(self, frame: pl.DataFrame) -> None:
        """Keep finished cells."""
        self._batches.append(frame)

    def record_failures(self, rows: Sequence[Mapping[str, object]]) -> None:
        """Keep what went wrong."""
        self.failures += [dict(row) for row in rows]

    def rows(self) -> list[dict[str, Any]]:
        """Finished cells, one dictionary a cell."""
        return [row for batch in self._batches for row in batch.to_dicts()]


def _compute(
    sweep: LoadedSweep,
    store: Store,
    finished: Set[str],
    folder: Path,
    report: Callable[[Progress], None],
    session: Session,
) -> int:
    """Compute and store every cell that is not finished; how many failed."""
    todo = [cell for cell in sweep.cells if cell.name not in finished]
    steps = Steps(report, len(sweep.cells), len(finished))
    if not todo:
        steps.tell()
        return 0
    # Late, because it is slow.
    from verigap.sim.sweeps.jobs import works

    # Closed at once if storing fails or is interrupted, as the session may have started processes.
    with (
        closing(session.results(works(sweep, todo, folder, steps), steps)) as results,
        Bundles(store) as bundles,
    ):
        for result in results:
            cells = result.work.cells
            if result.error:
                bundles.add_failures([{"cell": cell.name, "error": result.error} for cell in cells])
                steps.failed += len(cells)
            else:
                bundles.add(pl.DataFrame(result.rows))
                steps.done = len(finished) + bundles.stored
            steps.tell()
    if (done := len(finished) + bundles.stored) > steps.done:
        steps.done = done
        steps.tell()
    return steps.failed
