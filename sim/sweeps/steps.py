"""How far a sweep is: its cells, what is computed just now, and the time left.

Much of a small sweep is spent before its first cell is done, on compiling programs, so the time
left is that of the steps ahead and not of the cells ahead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from verigap.storage.pace import Pace
from verigap.storage.progress import Progress

LAW, QUANTISED_LAW = "laws", "quantising laws"
EXPERT_PROGRAM, EXPERT = "compiling experts", "experts"
PROGRAM, BATCH, POPULATION = "compiling a game", "playing", "playing on a population"
HARD_PROGRAM, HARD = "compiling hard prompts", "hard prompts"
TIGHT = "tight games"
TRAINING = "training"

# Seconds on a machine of two cores, about. How long a training takes is up to its configuration.
_SECONDS = {
    LAW: 0.001, QUANTISED_LAW: 1.2, EXPERT_PROGRAM: 1.5, EXPERT: 0.3,
    PROGRAM: 8.0, BATCH: 0.15, POPULATION: 1.2, HARD_PROGRAM: 2.0, HARD: 0.02, TIGHT: 0.1,
}  # fmt: skip


class Steps:
    """Counts cells, and tells after each step and at the beginning of the next."""

    def __init__(self, report: Callable[[Progress], None], total: int, done: int = 0) -> None:
        """Nothing is told yet.

        Args:
          report: called with how far the sweep is.
          total: cells of the sweep.
          done: of these, finished before.
        """
        self._report, self._total = report, total
        self.done, self.failed = done, 0
        self._pace = Pace(_SECONDS)

    def add(self, steps: Mapping[str, int]) -> None:
        """Say that so many more steps of each kind are ahead."""
        self._pace.add(steps)

    def remove(self, steps: Mapping[str, int]) -> None:
        """Say that so many steps of each kind, added before, are not ahead after all."""
        self._pace.add({kind: -count for kind, count in steps.items()})

    @contextmanager
    def step(self, kind: str) -> Iterator[None]:
        """A step of the sweep, of one of the kinds of this module."""
        self._pace.begin(kind)
        self.tell(kind)
        try:
            yield
        finally:
            self._pace.end()

    def took(self, kind: str, seconds: float) -> None:
        """Say that a step was done by another process.

        Args:
          kind: its kind.
          seconds: how long it took, over the number of steps that were done meanwhile.
        """
        self._pace.took(kind, seconds)

    def tell(self, doing: str = "") -> None:
        """Tell how far the sweep is."""
        self._report(
            Progress(
                self.done, self._total, self.failed, doing,
                eta=self._pace.left(), share=self._pace.share(),
            )
        )  # fmt: skip
