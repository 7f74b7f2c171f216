"""From unfinished cells to jobs that any process can compute."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import jax
import numpy as np

from verigap.sim.models.transformer import Params
from verigap.sim.planted.experiment import run_trained
from verigap.sim.planted.instance import Bases, PlantedInstance
from verigap.sim.planted.methods.parameters import MethodsParameters
from verigap.sim.planted.methods.run import run_methods
from verigap.sim.sweeps.batches import Batch, run_batch
from verigap.sim.sweeps.cells import AnyCell, LoadedSweep, TightCell, TrainedCell
from verigap.sim.sweeps.engine import Note, Rows, Work
from verigap.sim.sweeps.planning import batches
from verigap.sim.sweeps.steps import TIGHT, TRAINING, Steps
from verigap.sim.sweeps.tight_rows import tight_row


@dataclass(frozen=True)
class BatchJob:
    """Simulates a batch of cells."""

    batch: Batch
    seed: int

    def __call__(self, note: Note) -> Rows:
        """One row a cell."""
        return run_batch(self.batch, self.seed)


@dataclass(frozen=True)
class TightJob:
    """Plays one cell of a tight game."""

    cell: TightCell
    seed: int

    def __call__(self, note: Note) -> Rows:
        """The row of the cell."""
        return [tight_row(self.cell, self.seed)]


@dataclass(frozen=True)
class TrainingJob:
    """Trains the networks of one cell, from a base that is there."""

    cell: TrainedCell
    seed: int
    base: Params

    def __call__(self, note: Note) -> Rows:
        """The row of the cell."""
        root = jax.random.fold_in(jax.random.key(self.seed), np.uint32(self.cell.stream))
        parameters = self.cell.parameters
        if isinstance(parameters, MethodsParameters):
            return [self.cell.identity | run_methods(parameters, root, self.base, note)]
        return [self.cell.identity | run_trained(parameters, root, self.base, note)]


def works(
    sweep: LoadedSweep, todo: Sequence[AnyCell], folder: Path, steps: Steps
) -> Iterator[Work]:
    """Tight games, then other simulated cells in batches, then trained ones one by one.

    Args:
      sweep: the configuration.
      todo: its cells that are not finished.
      folder: where pre-trained bases are kept that the sweep does not bring along.
      steps: told what is done and what is ahead.
    """
    seed = sweep.config.seed
    trained = [cell for cell in todo if isinstance(cell, TrainedCell)]
    tight = [cell for cell in todo if isinstance(cell, TightCell)]
    steps.add({TRAINING: len(trained), TIGHT: len(tight)})
    for cell in tight:
        play = TightJob(cell, seed)
        yield Work(cells=(cell,), kind=TIGHT, prepare=lambda _, play=play: play)
    for batch in batches(sweep, todo, steps):
        job = BatchJob(batch, seed)
        yield Work(cells=batch.cells, kind=batch.kind, prepare=lambda _, job=job: job)
    bases = Bases((sweep.folder / "bases", folder / "bases"))
    for cell in trained:

        def prepare(note: Note, cell: TrainedCell = cell) -> TrainingJob:
            return TrainingJob(cell, seed, bases.parameters(PlantedInstance(cell.parameters), note))

        yield Work(cells=(cell,), kind=TRAINING, prepare=prepare)
