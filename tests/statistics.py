"""How randomised comparisons decide, and how rarely all of them together may be wrong."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

FAILURE_BUDGET = 1e-6
"""Probability that any randomised comparison of the suite fails although the code is right.

It is spent when a seed is changed: seeds are fixed, so a run repeats the last one's verdicts.
"""

COMPARISONS = 500
"""Randomised comparisons that the suite may hold; each gets an equal part of the budget."""

LEVEL = FAILURE_BUDGET / COMPARISONS


class Estimate(NamedTuple):
    """A mean and its standard error."""

    mean: float
    error: float

    @classmethod
    def of(cls, draws: ArrayLike) -> Estimate:
        values = np.asarray(draws, float)
        return cls(float(values.mean()), float(values.std(ddof=1) / math.sqrt(values.size)))

    @classmethod
    def from_variance(cls, mean: float, variance: float, replicates: int) -> Estimate:
        return cls(float(mean), math.sqrt(float(variance) / replicates))


def assert_same_mean(
    first: Estimate, second: Estimate | float, *, bias: float = 0.0, what: str = ""
) -> None:
    """Two-sided z test; `bias` is a numerical error that is known and allowed."""
    other = second if isinstance(second, Estimate) else Estimate(float(second), 0.0)
    error = math.hypot(first.error, other.error)
    distance = abs(first.mean - other.mean)
    allowed = float(stats.norm.isf(LEVEL / 2)) * error + bias + 1e-9 * abs(other.mean)
    assert distance <= allowed, (
        f"{what}: {first.mean:.6g} and {other.mean:.6g} are {distance:.3g} apart, "
        f"{distance / error if error else math.inf:.1f} standard errors of {error:.3g}"
    )


def assert_fits(fit: Any, what: str = "") -> None:
    """A goodness-of-fit test that should pass: scipy's result of it, or its p-value."""
    p_value = float(getattr(fit, "pvalue", fit))
    assert p_value > LEVEL, f"{what}: p = {p_value:.3g}, less than {LEVEL:.3g}"
