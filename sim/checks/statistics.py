"""Tests of frequencies, and the family-wise correction over all tests of a run."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Bool, Float
from scipy import special

FAMILY_WISE_ERROR = 1e-3
"""Probability that a run with no false bound has any violation reported."""


def frequency_p_value(exceedances: float, replicates: int, probability: float) -> float:
    """p-value of "each replicate exceeds with at most this probability" (exact binomial).

    Below the level alpha exactly when the one-sided Clopper-Pearson interval at 1 - alpha lies
    above `probability`.
    """
    if exceedances < 1:
        return 1.0
    # The binomial tail; `special.bdtrc` knows it for fewer than 2^31 replicates only.
    rest = replicates - exceedances + 1.0
    return float(special.betainc(exceedances, rest, min(max(probability, 0.0), 1.0)))


@dataclass(frozen=True, kw_only=True)
class Hits:
    """Replicates that a bound on a probability is held against.

    Attributes:
      hits: replicates in which the event happened.
      replicates: all of them.
    """

    hits: float
    replicates: int

    def p_value(self, bound: float) -> float:
        """p-value of "the event has at most this probability"."""
        return frequency_p_value(self.hits, self.replicates, bound)

    def limit(self, level: float) -> float:
        """The largest bound that is rejected at a level (Clopper-Pearson); -inf for none."""
        if self.hits < 1:
            return -np.inf
        return float(special.betaincinv(self.hits, self.replicates - self.hits + 1, level))


@dataclass(frozen=True, kw_only=True)
class Exceedances:
    """Replicates that an upper bound which holds with probability 1 - tail is held against.

    Attributes:
      risks: distinct risks, tokens.
      counts: how many replicates had each.
      replicates: all of them.
      tail: probability with which the bound may be exceeded.
      tolerance: how far above the bound a risk may lie by rounding, tokens.
    """

    risks: Float[np.ndarray, " outcomes"]
    counts: Float[np.ndarray, " outcomes"]
    replicates: int
    tail: float
    tolerance: float

    def p_value(self, bound: float) -> float:
        """p-value of "the risk exceeds the bound with at most the probability `tail`"."""
        exceedances = float(self.counts[self.risks > bound + self.tolerance].sum())
        return frequency_p_value(exceedances, self.replicates, self.tail)

    def limit(self, level: float) -> float:
        """Every bound below this one is rejected at a level; -inf for none."""
        needed = _significant_hits(self.replicates, self.tail, level)
        order = np.argsort(-self.risks, kind="stable")
        above = np.cumsum(self.counts[order])
        if needed > above[-1]:
            return -np.inf
        return float(self.risks[order][np.argmax(above >= needed)] - self.tolerance)


@lru_cache(maxsize=256)
def _significant_hits(replicates: int, probability: float, level: float) -> float:
    """The fewest hits at which `frequency_p_value` is at most the level; infinite for none."""
    passing, significant = 0, replicates + 1
    while significant - passing > 1:
        middle = (passing + significant) // 2
        if frequency_p_value(middle, replicates, probability) <= level:
            significant = middle
        else:
            passing = middle
    return significant if significant <= replicates else np.inf


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
