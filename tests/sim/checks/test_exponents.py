"""Fitted powers of the horizon."""

import copy
from typing import Any

import numpy as np
import pytest

from tests.statistics import assert_fits
from verigap.sim.checks import exponents, fit_exponent

HORIZONS = 2.0 ** np.arange(6, 17)


@pytest.mark.parametrize("power", [-0.5, 0.0, 0.46, 1.0])
def test_exact_powers(power: float) -> None:
    slope, low, high = fit_exponent(HORIZONS, 3 * HORIZONS**power, np.zeros(len(HORIZONS)))
    assert slope == pytest.approx(power, abs=1e-12)
    assert low == pytest.approx(power, abs=1e-9)
    assert high == pytest.approx(power, abs=1e-9)


def test_intervals_cover() -> None:
    from scipy import stats

    random = np.random.default_rng(3)
    truth = 2 * np.sqrt(HORIZONS)
    errors = 0.03 * truth
    covered = 0
    trials = 3000
    for _ in range(trials):
        _, low, high = fit_exponent(HORIZONS, truth + errors * random.normal(size=11), errors)
        covered += low <= 0.5 <= high
    # Scatter and noise are added up, so 95 % is promised and more is delivered.
    assert_fits(float(stats.binom.cdf(covered, trials, 0.95)), "coverage of a 95 % interval")
    assert covered < trials


def test_curvature_widens_the_interval() -> None:
    values = np.sqrt(HORIZONS * np.log(HORIZONS))
    slope, low, high = fit_exponent(HORIZONS, values, np.zeros(11))
    assert low < slope < high
    assert 0.5 < slope < 0.65


@pytest.mark.parametrize("points", [3, 4, 11])
def test_the_interval_is_that_of_a_line_through_points_without_noise(points: int) -> None:
    from scipy import stats

    horizons = HORIZONS[:points]
    values = horizons**0.3 * np.exp(0.1 * np.sin(np.arange(float(points))))
    line: Any = stats.linregress(np.log(horizons), np.log(values))
    slope, low, high = fit_exponent(horizons, values, np.zeros(points))
    assert slope == pytest.approx(line.slope)
    assert (high - slope, slope - low) == pytest.approx(
        2 * (stats.t.ppf(0.975, points - 2) * line.stderr,), rel=1e-9
    )


def test_of_two_points_there_is_no_scatter() -> None:
    values = np.asarray([3.0, 5.0])
    assert fit_exponent(HORIZONS[:2], values, np.zeros(2))[1:] == pytest.approx(
        2 * (np.log(5 / 3) / np.log(2),)
    )


def test_the_interval_of_noisy_points_on_a_line() -> None:
    """The slope of three points is that of the ends."""
    horizons, errors = np.asarray([1.0, 4.0, 16.0]), np.asarray([0.1, 7.0, 0.3])
    slope, low, high = fit_exponent(horizons, 2 * horizons, errors)
    ends = np.hypot(0.1 / 2, 0.3 / 32) / np.log(16)
    assert slope == pytest.approx(1.0)
    assert (high - slope, slope - low) == pytest.approx(2 * (1.959964 * ends,), rel=1e-6)


def row(horizon: int, *, fitted: bool = True) -> dict[str, Any]:
    """A two-level cell at n = H whose verifier-free risks grow as sqrt(H) and VB's not at all."""
    vf = {"variance": 1e-6, "leashed_variance": 1e-6}
    learners = [
        {"learner": "vf-bayes", "mean": horizon**0.5, "leashed_mean": 2 * horizon**0.5, **vf},
        {"learner": "vb-pessimism", "mean": 0.0, "leashed_mean": 0.0, **vf},
    ]
    return {
        "cell": f"c{horizon}",
        "game": "relabelling",
        "block": "b",
        "series": '{"log2_class_size": 60}',
        "exponent": fitted,
        "horizon": horizon,
        "data_budget": horizon,
        "log2_class_size": 60.0,
        "chi2_radius": 1.0,
        "expert_radius": 20 / horizon,
        "leash": 20 / horizon,
        "failure_probability": 0.05,
        "num_candidates": 8,
        "coverage": 0.5,
        "replicates": 100,
        "atoms": [[0.0, float(horizon)]],
        "learners": learners,
    }


def test_a_series_of_cells() -> None:
    found = {fit.quantity: fit for fit in exponents([row(h) for h in (4096, 64, 1024, 256)])}
    assert {"risk vf-bayes", "gap vf-bayes", "gap vf-bayes, unleashed", "VF-LOWER"} <= set(found)
    for quantity, fit in found.items():
        assert fit.points >= 3
        assert fit.series == "b log2_class_size=60"
        if "vf-bayes" in quantity:
            assert fit.low <= 0.5 <= fit.high
            assert fit.slope == pytest.approx(0.5, abs=1e-3)
    # kappa' n is constant and the class too large for n traces to tell: VF-LOWER goes as sqrt(H).
    assert found["VF-LOWER"].slope == pytest.approx(0.5, abs=1e-3)


def test_errors_of_a_series_are_those_of_its_replicates() -> None:
    rows = [row(h) for h in (64, 256, 1024)]
    for cell in rows:
        cell["learners"][0] |= {"variance": 4.0, "leashed_variance": 9.0}
        cell["learners"][1] |= {"variance": 5.0, "leashed_variance": 16.0}
    found = {fit.quantity: fit for fit in exponents(rows, ())}
    for quantity, scale, variance in (
        ("risk vf-bayes", 1.0, 4.0),
        ("gap vf-bayes", 2.0, 25.0),
        ("gap vf-bayes, unleashed", 1.0, 9.0),
    ):
        error = (variance / 100) ** 0.5 / scale
        half = 1.959964 * error * np.hypot(1 / 8, 1 / 32) / np.log(16)
        assert found[quantity].high - 0.5 == pytest.approx(half, rel=1e-5)
        assert (found[quantity].points, found[quantity].series) == (3, "b log2_class_size=60")
    assert set(found) == {"risk vf-bayes", "gap vf-bayes", "gap vf-bayes, unleashed"}
    # Without verification there is no gap.
    for cell in rows:
        del cell["learners"][1]
    assert [fit.quantity for fit in exponents(rows, ())] == ["risk vf-bayes"]


def test_a_point_counts_from_three_standard_errors_on() -> None:
    for error, points in ((2.6, 4), (2.7, 3)):
        rows = [row(h) for h in (64, 256, 1024, 4096)]
        rows[0]["learners"][0]["variance"] = 100 * error**2
        found = {fit.quantity: fit for fit in exponents(rows, ())}
        assert found["risk vf-bayes"].points == points


def test_too_few_points_give_no_fit() -> None:
    assert exponents([row(64), row(256)]) == []
    assert exponents([row(64, fitted=False), row(256), row(1024)]) == []
    assert exponents([]) == []
    # One horizon three times is one point.
    assert exponents([row(64), row(64), row(64)]) == []


def test_noise_is_not_fitted() -> None:
    rows = copy.deepcopy([row(h) for h in (64, 256, 1024)])
    for cell in rows:
        cell["learners"][0]["variance"] = 1e6
    assert "risk vf-bayes" not in {fit.quantity for fit in exponents(rows)}
