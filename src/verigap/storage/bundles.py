"""Finished cells are gathered and stored together, so that storing takes little of the time."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Protocol, runtime_checkable

import polars as pl

SHARE = 0.05
"""Of the time between two writes, how much the first may have taken."""

MOST_SECONDS = 10.0
"""Computing that is lost at most when the process is killed, but for what it is at just then."""

MOST_CELLS, MOST_BYTES = 4096, 16 * 2**20
"""Size at which a bundle is written whenever the last one was: its cells, their bytes in memory."""


@runtime_checkable
class Store(Protocol):
    """Where finished cells and failures go."""

    def write_batch(self, frame: pl.DataFrame) -> None:
        """Store finished cells, one row a cell, all of them or none."""
        ...

    def record_failures(self, rows: Sequence[Mapping[str, object]]) -> None:
        """Note cells that failed, each with `cell` and `error`."""
        ...


class Bundles:
    """Finished cells and failures on their way to a store, in which they are as the context ends.

    A write costs the same for one cell as for hundreds. The next one waits until `SHARE` of the
    time was spent on the last: cells that take long are stored one by one, quick ones together.

    Attributes:
      stored: cells that are stored by now.

    Example:
      >>> import tempfile
      >>> import polars as pl
      >>> from verigap.storage import RunStore
      >>> from verigap.storage.bundles import Bundles
      >>> with (
      ...     tempfile.TemporaryDirectory() as folder,
      ...     RunStore.open(f"{folder}/run", "seed: 0", {}) as run,
      ... ):
      ...     with Bundles(run) as bundles:
      ...         for cell in ("a", "b", "c"):
      ...             bundles.add(pl.DataFrame({"cell": [cell]}))
      ...     bundles.stored, sorted(run.finished_cells())
      (3, ['a', 'b', 'c'])
    """

    def __init__(self, store: Store, clock: Callable[[], float] = time.monotonic) -> None:
        """Nothing is written yet; the first cells are as soon as they come.

        Args:
          store: where everything goes.
          clock: tells seconds.
        """
        self._store, self._clock = store, clock
        self._frames: list[pl.DataFrame] = []
        self._failures: list[Mapping[str, object]] = []
        self._cells = self._bytes = 0
        self._due = clock()
        self.stored = 0

    def __enter__(self) -> Bundles:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.flush()

    def add(self, frame: pl.DataFrame) -> None:
        """Take finished cells, one row a cell; they are stored now or later.

        Raises:
          StoreError: they are stored now, and the store refuses.
        """
        self._frames.append(frame)
        self._cells += frame.height
        self._bytes += frame.estimated_size()
        self._flush_if_due()

    def add_failures(self, rows: Sequence[Mapping[str, object]]) -> None:
        """Take what is known of cells that failed; likewise."""
        self._failures += rows
        self._flush_if_due()

    def flush(self) -> None:
        """Store what is not stored yet.

        Raises:
          StoreError: the store refuses; what it refused is dropped.
        """
        frames, failures = self._frames, self._failures
        self._frames, self._failures, self._cells, self._bytes = [], [], 0, 0
        began = self._clock()
        if frames:
            # As whoever reads the run puts its files together.
            frame = pl.concat(frames, how="diagonal_relaxed")
            self._store.write_batch(frame)
            self.stored += frame.height
        if failures:
            self._store.record_failures(failures)
        ended = self._clock()
        self._due = ended + min((ended - began) / SHARE, MOST_SECONDS)

    def _flush_if_due(self) -> None:
        full = self._cells >= MOST_CELLS or self._bytes >= MOST_BYTES
        if full or self._clock() >= self._due:
            self.flush()
