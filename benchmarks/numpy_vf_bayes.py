"""VF-Bayes in the two-level game as one would write it in NumPy: the other side of the race.

Agreement counts of the wrong codewords are Poisson (d is large here): counts of thousands are
collapsed into two Gaussians, for the others two Poisson draws of half the rate give the count
(their sum) and the sum of fresh signs (their difference).
"""

from __future__ import annotations

import numpy as np
from scipy import stats

DENSE = 1000.0
NEGLIGIBLE = 1e-7


def bayes_risk(
    rng: np.random.Generator, log2_class_size: int, data_budget: int, tilt: float, replicates: int
) -> float:
    """Mean risk in units of sigma."""
    counts = np.arange(data_budget + 1)
    log_ratio = counts * np.log1p(tilt) + (data_budget - counts) * np.log1p(-tilt)
    rate = np.exp(log2_class_size * np.log(2.0) + stats.binom.logpmf(counts, data_budget, 0.5))
    shift = log_ratio.max()
    weight = np.exp(log_ratio - shift)
    dense = rate > DENSE
    sparse = (rate > NEGLIGIBLE) & ~dense
    total = np.full(replicates, (rate[dense] * weight[dense]).sum())
    spread = np.sqrt((rate[dense] * weight[dense] ** 2).sum())
    total += spread * rng.standard_normal(replicates)
    signed = spread * rng.standard_normal(replicates)
    half = 0.5 * rate[sparse]
    plus = rng.poisson(half, (replicates, half.size))
    minus = rng.poisson(half, (replicates, half.size))
    total += (plus + minus) @ weight[sparse]
    signed += (plus - minus) @ weight[sparse]
    true = weight[rng.binomial(data_budget, 0.5 * (1.0 + tilt), replicates)]
    return float(tilt - np.mean(np.abs(signed + true) / (total + true)))
