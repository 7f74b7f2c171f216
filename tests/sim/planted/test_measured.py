"""Gaps, intervals and exponents of trained runs, on rows whose truth is known."""

import numpy as np
import pytest

from tests.trained_rows import trained_row
from verigap.sim.planted.measured import check_trained, resampled_means


def _row(family, horizon, n, trial, gap, rng, **more):
    cloned = 0.4 * horizon + rng.normal(0, 0.01, 12)
    return trained_row(
        family, horizon, n, trial, cloned=cloned, gap=gap, gap_unleashed=2 * gap, **more
    )


def test_exponents_of_a_known_power_law():
    rng = np.random.default_rng(0)
    rows = [
        _row("high", h, 4 * h, trial, 0.3 * h**0.5, rng) for h in (8, 16, 32) for trial in range(3)
    ] + [
        _row("low", 24, n, trial, 5.0 * n**-0.25, rng, block="c")
        for n in (64, 256, 1024)
        for trial in range(3)
    ]
    report = check_trained(rows)
    fits = {(fit.series, fit.quantity): fit for fit in report.exponents}
    in_h, in_n = fits["b high", "gap"], fits["c low", "gap, unleashed"]
    assert (in_h.against, in_n.against) == ("H", "n")
    assert in_h.slope == pytest.approx(0.5, abs=1e-6)
    assert in_n.slope == pytest.approx(-0.25, abs=1e-6)
    assert in_h.low <= 0.5 + 1e-9
    assert in_h.high >= 0.5 - 1e-9
    point = report.points[0]
    assert point.gap.estimate == pytest.approx(0.3 * 8**0.5)
    assert point.gap_unleashed.estimate == pytest.approx(0.6 * 8**0.5)
    assert point.cloning_suboptimality.estimate == pytest.approx(0.2 * 8, abs=0.01)
    assert point.under_training == ""


def test_a_gap_that_is_not_positive_has_no_exponent():
    rng = np.random.default_rng(1)
    rows = [
        _row("high", h, h, t, g, rng) for h, g in ((8, 1.0), (16, -0.1), (24, 2.0)) for t in (0, 1)
    ]
    assert all(np.isnan(fit.slope) for fit in check_trained(rows).exponents)


def test_under_training_is_said():
    rng = np.random.default_rng(2)
    weak = check_trained([_row("high", 8, 8, 0, 1.0, rng, correlation=0.05)]).points[0]
    off = check_trained([_row("high", 8, 8, 0, 1.0, rng, base_kl=0.9)]).points[0]
    lost = check_trained([_row("high", 8, 8, 0, 1.0, rng, correlation=float("nan"))]).points[0]
    assert "verifier" in weak.under_training
    assert "base" in off.under_training
    assert "verifier" in lost.under_training


def test_the_bootstrap_covers_trainings_and_prompts():
    rng = np.random.default_rng(3)
    trainings, prompts = 5, 40
    covered = 0
    for repeat in range(200):
        values = (
            1.0
            + rng.normal(0, 0.3, (trainings, 1))
            + rng.normal(0, 1.0, (1, prompts))
            + rng.normal(0, 0.5, (trainings, prompts))
        )
        low, high = np.quantile(resampled_means(values, repeat, repeat + 1), [0.025, 0.975])
        covered += low <= 1.0 <= high
    # Few trainings make a bootstrap a little short; neither half nor all must be covered.
    assert 0.85 <= covered / 200 <= 0.99
