"""Finished cells are stored together where storing each would take long."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest

from verigap.storage import bundles as module
from verigap.storage.bundles import MOST_SECONDS, SHARE, Bundles
from verigap.storage.run_store import RunStore, StoreError

CONFIG = "horizon: [64, 128]\nseed: 0\n"


def cell(number: int, **more: object) -> pl.DataFrame:
    return pl.DataFrame({"cell": [f"c{number}"], "value": [number], **more})


class SlowStore:
    """Keeps what is written and when; a write and the cells between two writes take seconds."""

    def __init__(self, seconds: float) -> None:
        self.now, self.seconds = 0.0, seconds
        self.writes: list[tuple[float, int]] = []
        self.failed: list[str] = []

    def clock(self) -> float:
        return self.now

    def write_batch(self, frame: pl.DataFrame) -> None:
        self.writes.append((self.now, frame.height))
        self.now += self.seconds

    def record_failures(self, rows: Sequence[Mapping[str, object]]) -> None:
        self.failed += [str(row["cell"]) for row in rows]


def fed(store: SlowStore, seconds: float, cells: int) -> Bundles:
    """The bundles of so many cells, of which each takes so long."""
    with Bundles(store, store.clock) as bundles:
        for number in range(cells):
            store.now += seconds
            bundles.add(cell(number))
    return bundles


def test_quick_cells_are_stored_together_in_a_small_share_of_the_time() -> None:
    store = SlowStore(0.01)
    bundles = fed(store, 0.001, 5000)
    assert bundles.stored == sum(cells for _, cells in store.writes) == 5000
    assert store.writes[0][1] == 1
    assert len(store.writes) <= 27
    assert len(store.writes) * store.seconds <= SHARE * store.now * 1.1
    # What a kill may cost is computed again in the time between two writes.
    assert max(later - sooner for (sooner, _), (later, _) in pairwise(store.writes)) <= 0.22


def test_cells_that_take_long_are_stored_one_by_one() -> None:
    store = SlowStore(0.01)
    fed(store, 0.25, 20)
    assert [cells for _, cells in store.writes] == [1] * 20


def test_a_slow_disk_delays_no_write_for_longer_than_is_said() -> None:
    store = SlowStore(5.0)
    fed(store, 1.0, 100)
    gaps = [later - sooner for (sooner, _), (later, _) in pairwise(store.writes)]
    assert max(gaps) <= MOST_SECONDS + store.seconds + 1.0


@pytest.mark.parametrize(("limit", "size"), [("MOST_CELLS", 8), ("MOST_BYTES", 2000)])
def test_a_bundle_is_written_once_it_is_large(
    monkeypatch: pytest.MonkeyPatch, limit: str, size: int
) -> None:
    monkeypatch.setattr(module, limit, size)
    store = SlowStore(10.0)
    with Bundles(store, store.clock) as bundles:
        for number in range(50):
            bundles.add(cell(number, atoms=[[0.5] * 32]))
    first, *rest = [cells for _, cells in store.writes]
    assert first == 1
    assert len(rest) >= 6
    # The bytes are those before the cell that makes them too many.
    assert max(rest) <= 8


def test_what_is_finished_is_stored_when_the_work_ends_in_an_error() -> None:
    store = SlowStore(1.0)

    def interrupted() -> None:
        with Bundles(store, store.clock) as bundles:
            for number in range(4):
                bundles.add(cell(number))
            bundles.add_failures([{"cell": "c9", "error": "lost"}])
            assert store.writes == [(0.0, 1)]
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert [cells for _, cells in store.writes] == [1, 3]
    assert store.failed == ["c9"]


def test_what_the_store_refuses_is_not_tried_again(tmp_path: Path) -> None:
    with RunStore.open(tmp_path / "run", CONFIG, {}) as run:
        with pytest.raises(StoreError, match="cannot name a cell"), Bundles(run) as bundles:
            bundles.add(pl.DataFrame({"cell": ["../a"]}))
        assert bundles.stored == 0
        assert run.finished_cells() == set()


def test_a_bundle_holds_what_files_of_single_cells_hold(tmp_path: Path) -> None:
    # Columns that only some cells have, and whole numbers beside others.
    frames = [
        cell(0, learners=[[{"learner": "a", "risk": 1}]]),
        cell(1, learners=[[{"learner": "a", "risk": 0.5}]], prompts=[[1, 2]]),
        cell(2, learners=[[]]),
        cell(3).with_columns(value=pl.lit(0.25)),
    ]
    with RunStore.open(tmp_path / "single", CONFIG, {}) as single:
        for frame in frames:
            single.write_batch(frame)
    with (
        RunStore.open(tmp_path / "bundled", CONFIG, {}) as bundled,
        Bundles(bundled, clock=lambda: 0.0) as bundles,
    ):
        bundles._due = 1.0
        for frame in frames:
            bundles.add(frame)
    assert len(list((tmp_path / "single" / "cells").iterdir())) == 4
    assert len(list((tmp_path / "bundled" / "cells").iterdir())) == 1
    cells = RunStore.read_only(tmp_path / "bundled").read_cells()
    assert cells.equals(RunStore.read_only(tmp_path / "single").read_cells(), null_equal=True)
    assert cells.schema == RunStore.read_only(tmp_path / "single").read_cells().schema
