"""Run or resume a sweep in a run folder."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import polars as pl

from verigap.sim.sweeps.cells import Cell, LoadedSweep, TrainedCell
from verigap.sim.sweeps.steps import TRAINING, Steps
from verigap.storage.progress import Progress
from verigap.storage.provenance import collect_provenance
from verigap.storage.run_store import RunStore

PACKAGES = ("verigap", "flax", "jax", "jaxlib", "numpy", "optax", "polars")
"""Packages whose versions a run folder keeps."""


@dataclass(frozen=True)
class _Work:
    """Cells that are computed and stored together, in a step of a kind of `steps`."""

    cells: tuple[Cell | TrainedCell, ...]
    kind: str
    compute: Callable[[Callable[[str], None]], list[dict[str, Any]]]


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


def computing_device() -> dict[str, object]:
    """Kind, platform and number of the devices that cells are computed on."""
    # Late, because it is slow and starts the device.
    import jax

    devices = jax.devices()
    return {
        "device_kind": devices[0].device_kind,
        "device_platform": devices[0].platform,
        "device_count": len(devices),
    }


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
      report: called before and after every step, of which a batch is one.

    Raises:
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
    provenance = collect_provenance(command, sweep.config.seed, PACKAGES) | computing_device()
    names = [cell.name for cell in sweep.cells]
    with RunStore.open(folder, sweep.resolved_yaml(), provenance, names) as store:
        finished = store.finished_cells() & set(names)
        failed = _compute(sweep, store, finished, store.path, report)
        return Outcome(len(sweep.cells), len(finished), failed, tuple(store.warnings))


def run_in_memory(
    sweep: LoadedSweep, *, report: Callable[[Progress], None] = lambda progress: None
) -> MemoryRun:
    """Simulate every cell of a sweep and keep the results in memory.

    Args:
      sweep: a loaded configuration.
      report: called before and after every step, of which a batch is one.

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
    with tempfile.TemporaryDirectory() as folder:
        _compute(sweep, kept, set(), Path(folder), report)
    return kept


@runtime_checkable
class _Store(Protocol):
    """Where finished cells and failures go."""

    def write_batch(self, frame: pl.DataFrame) -> None: ...

    def record_failures(self, rows: Sequence[Mapping[str, object]]) -> None: ...


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
    store: _Store,
    finished: Set[str],
    folder: Path,
    report: Callable[[Progress], None],
) -> int:
    """Compute and store every cell that is not finished; how many failed."""
    todo = [cell for cell in sweep.cells if cell.name not in finished]
    steps = Steps(report, len(sweep.cells), len(finished))
    if not todo:
        steps.tell()
    for work in _work(sweep, todo, folder, steps):
        try:
            with steps.step(work.kind):
                rows = work.compute(steps.tell)
        except (ValueError, TypeError, ArithmeticError, RuntimeError, MemoryError) as error:
            message = f"{type(error).__name__}: {error}".splitlines()[0]
            store.record_failures([{"cell": cell.name, "error": message} for cell in work.cells])
            steps.failed += len(work.cells)
        else:
            store.write_batch(pl.DataFrame(rows))
            steps.done += len(work.cells)
        steps.tell()
    return steps.failed


def _work(
    sweep: LoadedSweep, todo: Sequence[Cell | TrainedCell], folder: Path, steps: Steps
) -> Iterator[_Work]:
    """Simulated cells in batches, then trained ones one by one."""
    seed = sweep.config.seed
    trained = [cell for cell in todo if isinstance(cell, TrainedCell)]
    steps.add({TRAINING: len(trained)})
    if any(isinstance(cell, Cell) for cell in todo):
        from verigap.sim.sweeps.batches import run_batch
        from verigap.sim.sweeps.planning import batches

        for batch in batches(sweep, todo, steps):
            yield _Work(batch.cells, batch.kind, lambda _, batch=batch: run_batch(batch, seed))
    if trained:
        import jax
        import numpy as np

        from verigap.sim.planted.experiment import run_trained
        from verigap.sim.planted.instance import Bases

        bases = Bases((sweep.folder / "bases", folder / "bases"))

        def train(cell: TrainedCell, note: Callable[[str], None]) -> dict[str, Any]:
            root = jax.random.fold_in(jax.random.key(seed), np.uint32(cell.stream))
            return cell.identity | run_trained(cell.parameters, root, bases, note)

        for cell in trained:
            yield _Work((cell,), TRAINING, lambda note, cell=cell: [train(cell, note)])
