"""Sweeps of many cells: counted before they are laid out, refused if too many, stored together."""

import tracemalloc
from collections.abc import Generator, Iterable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, Self

import pytest

from verigap.sim.sweeps import cells as module
from verigap.sim.sweeps.cells import MOST_CELLS, laid_out, sweep_from
from verigap.sim.sweeps.config import Block, ConfigError, validated_sweep
from verigap.sim.sweeps.engine import Result, Work
from verigap.sim.sweeps.run import run_sweep
from verigap.sim.sweeps.steps import Steps
from verigap.sim.sweeps.stored import CellRows, stored_cells
from verigap.storage.progress import Progress
from verigap.storage.run_store import RunStore

VALUES = [*range(1, 201)]
HUGE = {"horizon": VALUES, "data_budget": VALUES, "log2_class_size": VALUES, "chi2_radius": VALUES}
NUMBER = "1,600,000,000"


def huge(**more: Any) -> dict[str, Any]:
    return {"sweeps": [{"name": "a", "grid": HUGE, **more}]}


@pytest.mark.parametrize(
    "block",
    [
        {},
        {"grid": {"horizon": [1, 2, 3], "data_budget": [4, 5]}},
        {"zip": {"horizon": [1, 2, 3], "data_budget": [4, 5, 6]}},
        {"grid": {"horizon": [1, 2]}, "zip": {"data_budget": [4, 5, 6]}},
        {"game": "planted", "grid": {"horizon": [1, 2]}},
        {"game": "planted-methods", "grid": {"horizon": [1, 2]}},
        {"grid": {"horizon": [1, 2], "game": ["planted", "relabelling", "planted"]}},
        {"zip": {"horizon": [1, 2], "game": ["planted", "hard-prompts"]}, "grid": {"c": [1, 2]}},
    ],
)
def test_the_count_is_that_of_the_cells_laid_out(block: dict[str, Any]) -> None:
    points = [raw for raw, _ in Block(name="a", **block).cells()]
    planted = sum(str(raw.get("game")).startswith("planted") for raw in points)
    for trials in (1, 5):
        count = Block(name="a", **block).number_of_cells(trials)
        assert count == len(points) + planted * (trials - 1)


def test_a_grid_of_too_many_cells_is_refused_before_it_takes_memory() -> None:
    config = huge()
    tracemalloc.start()
    try:
        with pytest.raises(ConfigError, match=f"config: sweeps: lay out {NUMBER} cells") as refusal:
            sweep_from(config)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert f"a sweep may have {MOST_CELLS:,}" in str(refusal.value)
    assert "\n" not in str(refusal.value)
    assert peak < 50 * 2**20


def test_trainings_count_as_often_as_they_are_repeated() -> None:
    block = {"name": "a", "game": "planted", "grid": {"horizon": [1, 2]}}
    with pytest.raises(ConfigError, match="lay out 2,000,000 cells"):
        sweep_from({"replicates": 1_000_000, "sweeps": [block]})


def test_the_limit_itself_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_CELLS", 6)
    block = {"name": "a", "log2_class_size": 4, "data_budget": 8}
    horizons = [*range(1, 8)]
    assert len(sweep_from({"sweeps": [{**block, "grid": {"horizon": horizons[:6]}}]}).cells) == 6
    with pytest.raises(ConfigError, match="lay out 7 cells, and a sweep may have 6;"):
        sweep_from({"sweeps": [{**block, "grid": {"horizon": horizons}}]})


def test_a_stored_configuration_of_too_many_cells_is_counted() -> None:
    assert laid_out(validated_sweep(huge(), "config")) == (None, 200**4)


class AnsweringEngine:
    """Has computed every cell already, each of them alone."""

    def opened(self) -> AbstractContextManager[Self]:
        return nullcontext(self)

    def provenance(self) -> dict[str, object]:
        return {}

    def results(self, works: Iterable[Work], steps: Steps) -> Generator[Result, None, None]:
        for work in works:
            yield Result(work=work, rows=[{**cell.identity, "value": 1.0} for cell in work.cells])


def test_quick_cells_share_files_and_none_is_lost(tmp_path: Path) -> None:
    block = {"name": "a", "game": "hard-prompts", "log2_class_size": 4, "c0": 0.5}
    grid = {"horizon": [*range(1, 31)], "data_budget": [*range(8, 38)]}
    sweep = sweep_from({"sweeps": [{**block, "grid": grid}]})
    seen: list[Progress] = []
    outcome = run_sweep(sweep, tmp_path / "run", engine=AnsweringEngine(), report=seen.append)
    assert (outcome.cells, outcome.failed) == (900, 0)
    assert (seen[-1].done, seen[-1].total) == (900, 900)
    assert len(list((tmp_path / "run" / "cells").iterdir())) < 90
    table = stored_cells(RunStore.read_only(tmp_path / "run"))
    assert table["cell"].to_list() == sorted(cell.name for cell in sweep.cells)
    rows = CellRows(table)
    assert [*rows] == table.to_dicts()
    assert (len(rows), rows[-1], [*rows[3:5]]) == (900, table.to_dicts()[-1], table.to_dicts()[3:5])
    again = run_sweep(sweep, tmp_path / "run", engine=AnsweringEngine())
    assert (again.resumed, again.warnings) == (900, ())
