"""Tests of frequencies are Clopper's and Pearson's, and Holm's correction is as by hand."""

import numpy as np
import pytest
from scipy import stats

from verigap.sim.checks.statistics import (
    FAMILY_WISE_ERROR,
    Exceedances,
    Hits,
    frequency_p_value,
    holm_rejections,
    upper_quantile,
)


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


@pytest.mark.parametrize("level", [1e-3, 1e-7])
def test_limits_of_frequencies_are_where_rejection_begins(level: float) -> None:
    for hits in (1.0, 7.0, 60.0):
        found = Hits(hits=hits, replicates=60)
        limit = found.limit(level)
        assert found.p_value(limit * (1 - 1e-9)) < level < found.p_value(limit * (1 + 1e-9))
    assert Hits(hits=0.0, replicates=60).limit(level) == -np.inf


def test_limits_of_exceedances_are_where_rejection_begins() -> None:
    found = Exceedances(
        risks=np.asarray([3.0, 0.0, 2.0]), counts=np.asarray([8.0, 80.0, 12.0]), replicates=100,
        tail=0.05, tolerance=1e-9,
    )  # fmt: skip
    # 8 of 100 above a bound that may be exceeded by 5 % are no proof against it, 20 are.
    assert found.limit(0.5) == pytest.approx(3.0)
    assert found.limit(1e-5) == pytest.approx(2.0)
    assert found.p_value(found.limit(1e-5) - 1e-6) < 1e-5 < found.p_value(found.limit(1e-5) + 1e-6)
    assert found.limit(1e-200) == -np.inf


def test_limits_of_very_many_replicates() -> None:
    found = Exceedances(
        risks=np.asarray([0.0, 1.0]), counts=np.asarray([9e14, 1e14]), replicates=10**15,
        tail=0.05, tolerance=1e-9,
    )  # fmt: skip
    assert found.limit(1e-7) == pytest.approx(1.0)


def test_the_limit_where_every_replicate_must_exceed_the_bound() -> None:
    def limit(replicates: int) -> float:
        made = Exceedances(
            risks=np.asarray([2.0, 5.0]), counts=np.asarray([1.0, replicates - 1.0]),
            replicates=replicates, tail=0.05, tolerance=0.0,
        )  # fmt: skip
        return made.limit(1e-3)

    # 0.05^3 = 0.000125 is less than a thousandth, and 0.05^2 is not: all three must exceed it.
    assert frequency_p_value(3.0, 3, 0.05) == pytest.approx(0.05**3)
    assert limit(3) == 2.0
    # Of four, three are enough: 4 * 0.05^3 is less than a thousandth too.
    assert limit(4) == 5.0
    # Two are not enough, whatever they say.
    assert limit(2) == -np.inf
