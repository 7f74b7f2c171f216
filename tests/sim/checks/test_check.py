"""Checks catch what is false, let pass what is true, and never mistake NaN for either."""

import copy
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
from scipy import stats

from verigap.sim.checks import CONTROLS, check
from verigap.sim.checks.statistics import (
    FAMILY_WISE_ERROR,
    frequency_p_value,
    gap_p_value,
    holm_rejections,
    mean_p_value,
    upper_quantile,
)
from verigap.sim.sweeps import batches as engine
from verigap.sim.sweeps import planning
from verigap.sim.sweeps.batches import run_batch
from verigap.sim.sweeps.cells import load_sweep
from verigap.theory import BOUNDS

CONFIGS = Path(__file__).parents[3] / "configs"
ALPHA = 1e-2


def p_values(draws: np.ndarray, bound: float, *, lower: bool, favourable: float) -> np.ndarray:
    """One p-value a row of `draws`."""
    return np.asarray(
        [
            mean_p_value(
                row.mean(), row.var(ddof=1), row.size, bound, lower=lower, favourable=favourable
            )
            for row in draws
        ]
    )


# Outcomes in [0, 1], from symmetric to very skewed towards either end.
@pytest.mark.parametrize("rare", [0.5, 0.1, 0.01, 0.001])
@pytest.mark.parametrize("replicates", [20, 400])
@pytest.mark.parametrize("lower", [True, False])
def test_true_bounds_on_means_pass(rare: float, replicates: int, lower: bool) -> None:
    random = np.random.default_rng(1)
    draws = (random.random((4000, replicates)) < rare).astype(float)
    # The bound holds with equality; the dangerous side is where the rare value favours it.
    for values in (draws, 1 - draws):
        mean = rare if values is draws else 1 - rare
        found = p_values(values, mean, lower=lower, favourable=1.0 if lower else 0.0)
        # A t test of skewed data is off in its second digit; the pseudo-replicate absorbs the rest.
        assert (found < ALPHA).mean() <= 2 * ALPHA


@pytest.mark.parametrize("lower", [True, False])
def test_false_bounds_on_means_are_found(lower: bool) -> None:
    draws = np.random.default_rng(2).normal(0.5, 0.1, (200, 400))
    wrong = 0.53 if lower else 0.47
    found = p_values(draws, wrong, lower=lower, favourable=1.0 if lower else 0.0)
    assert (found < 1e-3).mean() > 0.9


def test_replicates_that_all_agree() -> None:
    # 100 zeros leave room for a mean of 1/100 of the range, not of a half.
    assert mean_p_value(0.0, 0.0, 100, 1e-4, lower=True, favourable=1.0) > 0.1
    assert mean_p_value(0.0, 0.0, 100, 0.5, lower=True, favourable=1.0) < 1e-10
    assert mean_p_value(1.0, 0.0, 100, 1.0, lower=True, favourable=1.0) == 1.0
    assert mean_p_value(1.0, 0.0, 100, 1.1, lower=True, favourable=1.0) == 0.0


def test_gaps() -> None:
    cloning, verified = (0.9, 0.01, 1.0), (0.2, 0.01, 0.0)
    assert gap_p_value(cloning, verified, 1000, 0.7) > 0.4
    assert gap_p_value(cloning, verified, 1000, 0.75) < 1e-6
    assert gap_p_value((1.0, 0.0, 1.0), (0.0, 0.0, 0.0), 1000, 1.0) == 1.0
    assert gap_p_value((1.0, 0.0, 1.0), (0.0, 0.0, 0.0), 1000, 1.01) == 0.0


@pytest.mark.parametrize("probability", [0.001, 0.05, 0.5])
def test_frequencies_decide_as_clopper_and_pearson(probability: float) -> None:
    for level in (1e-3, 0.05):
        for hits in range(0, 61, 3):
            interval = stats.binomtest(hits, 60, alternative="greater").proportion_ci(
                1 - level, method="exact"
            )
            rejected = frequency_p_value(float(hits), 60, probability) < level
            assert rejected == (interval.low > probability)
    assert frequency_p_value(0.0, 60, probability) == 1.0


def test_holm_by_hand() -> None:
    p_values = np.asarray([0.04, 0.005, 0.03, 0.012])
    # At 0.05: 0.005 <= 0.05/4, 0.012 <= 0.05/3, 0.03 > 0.05/2 stops; 0.04 <= 0.05/1 is too late.
    assert holm_rejections(p_values, 0.05).tolist() == [False, True, False, True]
    assert holm_rejections(np.asarray([0.02, 0.02]), 0.05).tolist() == [True, True]
    assert holm_rejections(np.asarray([0.026, 0.026]), 0.05).tolist() == [False, False]
    assert holm_rejections(np.asarray([]), 0.05).tolist() == []
    assert FAMILY_WISE_ERROR == 1e-3


def test_quantiles() -> None:
    values, counts = np.asarray([3.0, 1.0, 2.0]), np.asarray([5.0, 80.0, 15.0])
    assert upper_quantile(values, counts, 0.05) == 2.0
    assert upper_quantile(values, counts, 0.049) == 3.0
    assert upper_quantile(values, counts, 0.2) == 1.0
    assert upper_quantile(values, counts, 0.0) == 3.0


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
