"""Verdicts of bounds that are constants, by hand from the stored replicates."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from verigap.sim.checks import check
from verigap.sim.checks.betting import BoundedMean
from verigap.sim.checks.claims import claims
from verigap.sim.checks.statistics import FAMILY_WISE_ERROR, Exceedances, Hits
from verigap.sim.sweeps import read_rows
from verigap.theory import BOUNDS, Bound


@cache
def rows() -> list[dict[str, Any]]:
    return [row for row in read_rows("docs/runs/quickstart")
            if row["game"] == "relabelling"][:6]  # fmt: skip


def constant(name: str, value: float) -> Bound:
    """The bound with one value everywhere, and nothing assumed."""
    return replace(BOUNDS[name], assumptions=(), value=lambda _: np.float64(value))


def measured(name: str) -> list[float]:
    """Means of the learners that a bound speaks of."""
    learners = BOUNDS[name].learners
    return [entry["mean"] for row in rows() for entry in row["learners"]
            if entry["learner"] in learners]  # fmt: skip


@pytest.mark.parametrize(("name", "worst"), [("VF-LOWER", min), ("VB-UPPER-BEST-OF-N", max)])
def test_tightness_is_measured_over_bound(name: str, worst: Any) -> None:
    means = measured(name)
    assert means
    report = check(rows(), [constant(name, 2.0)])
    (verdict,) = report.verdicts
    assert [test.measured for test in report.tests] == means
    assert verdict.median_ratio == pytest.approx(np.median(means) / 2)
    assert verdict.worst_ratio == pytest.approx(worst(means) / 2)
    assert (verdict.cells, verdict.vacuous) == (6, 0)
    # A limit is where this test would be rejected at the level of all.
    level = FAMILY_WISE_ERROR / len(means)
    beyond = 1.0 if worst is min else -1.0
    first, *_ = report.tests
    for step, rejected in ((1e-6, True), (-1e-6, False)):
        value = first.limit + beyond * step * abs(first.limit)
        again = check(rows()[:1], [constant(name, value)]).tests[0]
        assert (again.cell, again.learner) == (first.cell, first.learner)
        assert (again.p_value <= level) is rejected


def test_one_test_alone_has_the_whole_level() -> None:
    one = replace(constant("VF-LOWER", 2.0), learners=BOUNDS["VF-LOWER"].learners[:1])
    (test,) = check(rows()[:1], [one]).tests
    (again,) = check(rows()[:1], [replace(one, value=lambda _: np.float64(test.limit))]).tests
    assert again.p_value == pytest.approx(FAMILY_WISE_ERROR, rel=1e-4)


@pytest.mark.parametrize("value", [0.0, -1.0])
def test_a_bound_that_is_not_positive_says_nothing(value: float) -> None:
    report = check(rows(), [constant("VF-LOWER", value)])
    (verdict,) = report.verdicts
    assert (verdict.cells, verdict.vacuous, verdict.violations) == (6, 6, 0)
    assert np.isnan([verdict.median_ratio, verdict.worst_ratio]).all()
    assert verdict.smallest_detectable is None
    assert all(np.isnan([test.ratio, test.limit]).all() for test in report.tests)
    assert report.ok


def test_bounds_that_are_no_numbers_or_are_not_proved_are_not_tested() -> None:
    for value in (np.nan, np.inf):
        assert check(rows(), [constant("VF-LOWER", value)]).tests == ()
    never = replace(BOUNDS["VF-LOWER"].assumptions[0], holds=lambda _: np.bool_(False))
    unproved = replace(constant("VF-LOWER", 1e9), assumptions=(never,))
    report = check(rows(), [unproved])
    assert (report.tests, report.ok, report.verdicts[0].cells) == ((), True, 0)


def test_violations_are_counted_by_cell() -> None:
    report = check(rows(), [constant("VF-LOWER", 1e6), constant("VB-UPPER-BEST-OF-N", 1e6)])
    wrong, right = report.verdicts
    assert (wrong.violations, wrong.smallest_detectable, report.ok) == (6, 1.0, False)
    assert right.violations == 0
    assert right.smallest_detectable is not None
    assert 0.0 < right.smallest_detectable < 1.0


def cell(**more: Any) -> dict[str, Any]:
    """40 replicates of one learner of each kind, with their outcomes."""
    outcomes = {"outcome_risk": [4.0, 0.0, 1e-9, 1.0], "outcome_count": [4.0, 10.0, 20.0, 6.0]}
    learners = [
        {"learner": name, "mean": mean, "variance": 2.0, "total_variance": 3.0, **outcomes}
        for name, mean in (("vf-mle", 0.55), ("vf-bayes", 0.5), ("vb-pessimism", 0.25))
    ]
    return {"cell": "c", "horizon": 4.0, "replicates": 40, "atoms": [[0.0, 4.0]],
            "failure_probability": 0.1, "learners": learners} | more  # fmt: skip


def test_what_each_kind_of_bound_is_held_against() -> None:
    span = (-4.0, 4.0)
    by_mean = replace(BOUNDS["VF-LOWER"], learners=("vf-mle", "vf-none"))
    (mean,) = claims(by_mean, cell(), 0.3, span)
    assert (mean.bound, mean.cell, mean.learner) == ("VF-LOWER", "c", "vf-mle")
    assert (mean.value, mean.measured) == (0.3, 0.55)
    assert mean.evidence == BoundedMean(mean=0.55, variance=3.0, replicates=40, favourable=4.0,
                                        lower=True, tolerance=4e-9)  # fmt: skip
    (above,) = claims(replace(by_mean, direction="upper"), cell(), 0.3, span)
    assert isinstance(above.evidence, BoundedMean)
    assert (above.evidence.favourable, above.evidence.lower) == (-4.0, False)
    (gap,) = claims(BOUNDS["SEPARATION"], cell(), 0.3, span)
    assert gap.learner == " minus ".join(BOUNDS["SEPARATION"].learners)
    assert gap.measured == 0.25
    # Rounding may put a risk of 0 by a billionth of H from it.
    matching = replace(by_mean, quantity="matching", statistic="exceedance")
    (hits,) = claims(matching, cell(), 0.3, span)
    assert (hits.measured, hits.evidence) == (0.75, Hits(hits=30.0, replicates=40))
    (tail,) = claims(replace(by_mean, statistic="exceedance"), cell(), 0.3, span)
    assert tail.measured == 1.0
    assert isinstance(tail.evidence, Exceedances)
    assert (tail.evidence.tail, tail.evidence.tolerance, tail.evidence.replicates) == (
        0.1, 4e-9, 40,
    )  # fmt: skip


def test_what_was_not_simulated_or_not_told_apart_is_not_judged() -> None:
    apart = replace(BOUNDS["VF-LOWER"], learners=("vf-mle",), statistic="exceedance")
    row = cell()
    row["learners"][0] |= {"outcome_risk": [], "outcome_count": []}
    assert list(claims(apart, row, 0.3, (-4.0, 4.0))) == []
    row["learners"] = row["learners"][:2]
    assert list(claims(BOUNDS["SEPARATION"], row, 0.3, (-4.0, 4.0))) == []
