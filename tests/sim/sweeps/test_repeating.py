"""Stored cells that are computed again."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.cli.command import run_here
from verigap.sim.sweeps import sweep_from
from verigap.sim.sweeps.repeating import rerun
from verigap.sim.sweeps.run import run_sweep
from verigap.storage.run_store import RunStore, StoreError

CONFIG: dict[str, Any] = {
    "replicates": 20,
    "learners": ["vf-mle", "vb-plug-in"],
    "sweeps": [
        {"name": "demo", "data_budget": 8, "log2_class_size": 20, "grid": {"horizon": [8, 16, 32]}}
    ],
}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rerun") / "run"
    run_sweep(sweep_from(CONFIG), folder)
    return folder


def rewritten(run: Path, folder: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    """The same run with another first cell, and a manifest that knows no better."""
    store = RunStore.read_only(run)
    rows = store.read_cells().to_dicts()
    change(rows[0])
    with RunStore.open(folder, store.config_yaml, {}, store.expected_cells()) as other:
        other.write_batch(pl.DataFrame(rows, infer_schema_length=None))
    return folder


def test_cells_computed_again_are_equal_and_nothing_is_written(run: Path) -> None:
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    found = rerun(run)
    assert found.ok
    assert found.stored == len(found.comparisons) == 3
    assert {each.difference for each in found.comparisons} == {0.0}
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before
    # A cell does not depend on those beside it.
    names = [each.cell for each in found.comparisons]
    (alone,) = rerun(run, [names[1][:10]]).comparisons
    assert (alone.cell, alone.difference) == (names[1], 0.0)


def test_what_differs_is_measured_and_named(run: Path, tmp_path: Path) -> None:
    changed = []

    def change(row: dict[str, Any]) -> None:
        entry = max(row["learners"], key=lambda entry: abs(entry["mean"]))
        changed.append(entry["learner"])
        assert entry["mean"] != 0
        entry["mean"] *= 1 + 2e-7
        row["expert_gain"] *= 1 + 1e-8

    wrong = rewritten(run, tmp_path / "wrong", change)
    found = rerun(wrong)
    assert not found.ok
    first, *others = found.comparisons
    assert first.where == f"learners[{changed[0]}].mean"
    assert first.difference == pytest.approx(2e-7, rel=1e-3)
    assert {each.difference for each in others} == {0.0}
    assert rerun(wrong, tolerance=1e-6).ok


@pytest.mark.parametrize(
    ("change", "where"),
    [
        (lambda row: row.update(block="other"), "block"),
        (lambda row: row.update(mean=math.nan), "mean"),
        (lambda row: row["atoms"][0].append(1.0), "atoms[0] (number of values)"),
    ],
)
def test_what_is_no_number_differs_by_more_than_any(
    run: Path, tmp_path: Path, change: Callable[[dict[str, Any]], object], where: str
) -> None:
    first, *_ = rerun(rewritten(run, tmp_path / "wrong", change), tolerance=1e300).comparisons
    assert (first.difference, first.where) == (math.inf, where)


def test_the_command_says_so_and_ends_with_1(run: Path, tmp_path: Path) -> None:
    name = min(RunStore.read_only(run).finished_cells())
    done = run_here("rerun", run, "--cells", name[:8], "--quiet")
    assert done.returncode == 0
    assert done.stdout.splitlines() == [
        f"{name}: equal",
        f"{run}: 1 of 3 stored cells computed again, 0 differ by more than 1e-09 (relative)",
    ]
    wrong = rewritten(run, tmp_path / "wrong", lambda row: row.update(mean=row["mean"] * 1.5))
    done = run_here("rerun", wrong, "--quiet")
    assert done.returncode == 1
    assert f"{name}: differs by 3.3e-01 (relative, in mean)" in done.stdout
    assert "3 of 3 stored cells computed again, 1 differ by more" in done.stdout


def test_a_law_table_is_missed_only_by_the_cells_that_need_it(run: Path, tmp_path: Path) -> None:
    store = RunStore.read_only(run)
    block = "- name: measured\n  law: {family: table, table: gone.parquet}\n"
    block += "  horizon: 8\n  data_budget: 8\n  log2_class_size: 8\n"
    cells = store.read_cells()
    other = cells[:1].with_columns(cell=pl.lit("0123456789abcdef"))
    text = store.config_yaml.replace("sweeps:\n", f"sweeps:\n{block}")
    with RunStore.open(tmp_path / "run", text, {}) as made:
        made.write_batch(pl.concat([cells, other]))
    first = str(cells["cell"][0])
    assert rerun(tmp_path / "run", [first]).ok
    with pytest.raises(ValueError, match=r"cell 0123456789abcdef .* gone\.parquet: no such file"):
        rerun(tmp_path / "run", ["0123"])


def test_cells_that_are_not_there_are_named(run: Path) -> None:
    with pytest.raises(StoreError, match="cells: 'zz' is the name of none of the 3 cells"):
        rerun(run, ["zz"])
    with pytest.raises(StoreError, match="cells: '' begins the names of several"):
        rerun(run, [""])
    with pytest.raises(ValueError, match="tolerance: must be a number from 0, not -1"):
        rerun(run, tolerance=-1.0)
    done = run_here("rerun", run, "--cells", "zz")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("verigap: --cells: 'zz' is the name of none")
