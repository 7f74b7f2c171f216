"""Checks catch what is false, let pass what is true, and never mistake NaN for either."""

import copy
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from verigap.sim.checks import CONTROLS, check
from verigap.sim.sweeps import batches as engine
from verigap.sim.sweeps import planning
from verigap.sim.sweeps.batches import run_batch
from verigap.sim.sweeps.cells import load_sweep
from verigap.theory import BOUNDS

CONFIGS = Path(__file__).parents[3] / "configs"


@cache
def controls_run() -> list[dict[str, Any]]:
    sweep = load_sweep(CONFIGS / "controls.yaml")
    # Small batches: padding them to full size would be most of the work here.
    with mock.patch.object(engine, "BATCH", 3), mock.patch.object(planning, "CELLS", 3):
        rows = [
            row for batch in planning.batches(sweep, sweep.cells) for row in run_batch(batch, 0)
        ]
    assert len(rows) == len(sweep.cells)
    return rows


@pytest.mark.long
@pytest.mark.parametrize("name", CONTROLS)
def test_each_control_is_caught(name: str) -> None:
    report = check(controls_run(), [name])
    assert not report.ok
    assert report.verdicts[0].violations > 0


@pytest.mark.long
def test_true_bounds_hold_where_the_controls_fail() -> None:
    report = check(controls_run())
    assert report.ok
    assert {verdict.name for verdict in report.verdicts} == set(BOUNDS)
    found = {verdict.name: verdict for verdict in report.verdicts}
    assert found["VF-LOWER"].worst_ratio > 0.9
    assert found["VF-UPPER"].worst_ratio < 1.0
    assert found["VF-LOWER"].cells == len(controls_run())
    assert found["VB-LOWER"].cells == 0


def altered(field: str, value: float, learner: str) -> list[dict[str, Any]]:
    rows = copy.deepcopy(controls_run())
    for entry in rows[0]["learners"]:
        if entry["learner"] == learner:
            entry[field] = value
    return rows


def test_a_violating_row_is_named() -> None:
    rows = altered("mean", -50.0, "vf-bayes")
    report = check(rows, ["VF-LOWER", "VB-UPPER"])
    assert not report.ok
    broken = [test for test in report.tests if test.violated]
    assert [(t.bound, t.cell, t.learner) for t in broken] == [
        ("VF-LOWER", rows[0]["cell"], "vf-bayes")
    ]
    assert [v.violations for v in report.verdicts] == [1, 0]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("field", ["mean", "variance"])
def test_what_is_not_a_number_never_passes(field: str, value: float) -> None:
    rows = altered(field, value, "vb-pessimism")
    with pytest.raises(ValueError, match=f"{rows[0]['cell']}.*vb-pessimism is not a number"):
        check(rows)
