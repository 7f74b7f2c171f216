"""Tests of one bound on one cell, and the family-wise correction over all of them."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float
from scipy import special

FAMILY_WISE_ERROR = 1e-3
"""Probability that a run with no false bound has any violation reported."""


def mean_p_value(
    mean: float, variance: float, replicates: int, bound: float, *, lower: bool, favourable: float
) -> float:
    """p-value of "the expected value respects the bound", small when it does not.

    A one-sided t test after adding one pseudo-replicate at `favourable`, the end of the range that
    favours the bound. It costs 1/replicates of the range in power, and keeps replicates that all
    agree (variance 0), or a rare value that none of them showed, from passing for certainty.

    Args:
      mean: average over replicates.
      variance: unbiased variance over replicates.
      replicates: at least 2.
      bound: the value claimed.
      lower: whether it is a lower bound on the expectation.
      favourable: the replicate value most favourable to the bound.
    """
    count = replicates + 1
    shifted = mean + (favourable - mean) / count
    spread = (replicates - 1) * variance + (favourable - mean) ** 2 * replicates / count
    error = np.sqrt(spread / replicates / count)
    excess = (shifted - bound) if lower else (bound - shifted)
    if error == 0:
        return 1.0 if excess >= 0 else 0.0
    return float(special.stdtr(replicates, excess / error))


def gap_p_value(
    cloning: tuple[float, float, float],
    verified: tuple[float, float, float],
    replicates: int,
    bound: float,
) -> float:
    """p-value of "the mean cloning risk exceeds the mean verified risk by at least the bound".

    Each side is (mean, variance, favourable) as in `mean_p_value`; the data sets are independent.
    """
    count = replicates + 1
    gap, variance = 0.0, 0.0
    for sign, (mean, spread, favourable) in ((1.0, cloning), (-1.0, verified)):
        gap += sign * (mean + (favourable - mean) / count)
        total = (replicates - 1) * spread + (favourable - mean) ** 2 * replicates / count
        variance += total / replicates / count
    if variance == 0:
        return 1.0 if gap >= bound else 0.0
    return float(special.stdtr(replicates, (gap - bound) / np.sqrt(variance)))


def frequency_p_value(exceedances: float, replicates: int, probability: float) -> float:
    """p-value of "each replicate exceeds with at most this probability" (exact binomial).

    Below the level alpha exactly when the one-sided Clopper-Pearson interval at 1 - alpha lies
    above `probability`.
    """
    return float(special.bdtrc(exceedances - 1, replicates, min(max(probability, 0.0), 1.0)))


def holm_rejections(
    p_values: Float[np.ndarray, " tests"], level: float = FAMILY_WISE_ERROR
) -> Bool[np.ndarray, " tests"]:
    """Which hypotheses Holm's step-down procedure rejects at a family-wise level."""
    order = np.argsort(p_values, kind="stable")
    thresholds = level / np.arange(len(p_values), 0, -1)
    failed = p_values[order] > thresholds
    stop = int(np.argmax(failed)) if failed.any() else len(p_values)
    rejected = np.zeros(len(p_values), dtype=bool)
    rejected[order[:stop]] = True
    return rejected


def upper_quantile(
    values: Float[np.ndarray, " outcomes"], counts: Float[np.ndarray, " outcomes"], tail: float
) -> float:
    """Smallest value exceeded by at most a share `tail` of the replicates."""
    order = np.argsort(values)
    above = 1.0 - np.cumsum(counts[order]) / counts.sum()
    return float(values[order][np.argmax(above <= tail + 1e-12)])
