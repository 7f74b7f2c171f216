"""Run folders of release 0.1.0 are read under the present names, with their numbers as they are."""

import json
import math
from pathlib import Path

import polars as pl

from verigap.sim.checks import check
from verigap.sim.sweeps.cells import load_sweep
from verigap.sim.sweeps.spelling import SCHEMA_1_NAMES
from verigap.sim.sweeps.stored import read_rows, stored_config
from verigap.storage.run_store import RunStore

OLD = Path(__file__).parent / "run-0.1.0"
RENEWED = Path(__file__).parents[3] / "docs" / "runs" / "figures-rates"


def test_columns_and_series_of_an_old_run_have_the_present_names() -> None:
    (path,) = (OLD / "cells").glob("*.parquet")
    old = pl.read_parquet(path).sort("cell").to_dicts()
    rows = read_rows(OLD)
    assert len(rows) == len(old) == 2
    for row, before in zip(rows, old, strict=True):
        for new, name in SCHEMA_1_NAMES.items():
            assert row.pop(new) == before.pop(name)
        assert json.loads(row.pop("series")) == {
            "data_budget": json.loads(before.pop("series"))["n"]
        }
        assert str(row) == str(before)


def test_the_configuration_of_an_old_run_has_the_present_names() -> None:
    (block,) = stored_config(RunStore.read_only(OLD)).sweeps
    assert block.grid == {"data_budget": [8, 64]}
    parameters = block.model_extra or {}
    assert (parameters["log2_class_size"], parameters["chi2_radius"]) == (20, 0.25)


def test_bounds_are_checked_on_an_old_run() -> None:
    report = check(read_rows(OLD), ["VF-LOWER"])
    assert [(test.cell, test.learner) for test in report.tests] != []
    assert all(math.isfinite(test.value) for test in report.tests)
    assert report.ok


def test_the_cells_of_the_present_configuration_have_the_names_of_the_old_run(
    tmp_path: Path,
) -> None:
    # Other numbers would be drawn under other names: `replicates`, learners and parameters are
    # those of the committed run, whose cells were named by release 0.1.0.
    (tmp_path / "sweep.yaml").write_text((RENEWED / "config.yaml").read_text())
    names = {cell.name for cell in load_sweep(tmp_path / "sweep.yaml").cells}
    assert {row["cell"] for row in read_rows(OLD)} < names
