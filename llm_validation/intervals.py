"""Confidence intervals by resampling prompts, the only independent units of a trace table.

Samples within a prompt are never resampled: that would add their noise twice. Estimators come in
already corrected for bias, so that the intervals only have to carry the spread between prompts.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy import special, stats

LEVEL = 0.95
# What resampling may cost: prompts times replicates, within the two limits.
_WORK, _FEWEST, _MOST = 20_000_000, 400, 2000
_BLOCK = 1_000_000


class Statistic(NamedTuple):
    """An estimate with its 95 % interval; NaN where there is none."""

    estimate: float
    low: float
    high: float


class Interval(NamedTuple):
    """Interval ends of several statistics at once, each of shape (F,)."""

    low: Float[np.ndarray, " F"]
    high: Float[np.ndarray, " F"]


@dataclass(frozen=True)
class Resampler:
    """Multinomial bootstrap weights of prompts, drawn once and shared by all statistics of a group.

    Attributes:
      prompts: number of prompts P, at least 1.
      seed: seed of the draws; the same seed gives the same weights.
      replicates: number of bootstrap replicates B; None chooses 400 to 2,000, fewer for more
        prompts.
    """

    prompts: int
    seed: int
    replicates: int | None = None

    @cached_property
    def weights(self) -> Float[np.ndarray, "B P"]:
        """How often each replicate drew each prompt, divided by P (float32)."""
        size = self.replicates or min(max(_WORK // self.prompts, _FEWEST), _MOST)
        rng = np.random.default_rng(self.seed)
        weights = np.empty((size, self.prompts), np.float32)
        block = max(1, _BLOCK // self.prompts)
        for start in range(0, size, block):
            rows = weights[start : start + block]
            drawn = rng.integers(0, self.prompts, rows.shape)
            drawn += np.arange(rows.shape[0])[:, None] * self.prompts
            rows[:] = np.bincount(drawn.ravel(), minlength=rows.size).reshape(rows.shape)
        weights /= self.prompts
        return weights

    def means(self, values: Float[np.ndarray, "P F"]) -> Float[np.ndarray, "B F"]:
        """Mean of each column in each replicate, in single precision about its overall mean."""
        centre = values.mean(axis=0)
        return self.weights @ (values - centre).astype(np.float32) + centre


def student_spread(units: int) -> float:
    """Factor by which 95 % bootstrap intervals of a mean of `units` units must widen; 1 for one."""
    if units < 2:
        return 1.0
    tail = (1 + LEVEL) / 2
    student = float(stats.t.ppf(tail, units - 1)) / float(special.ndtri(tail))
    return student * (units / (units - 1)) ** 0.5


def mean_interval(
    values: Float[np.ndarray, "P F"], resampler: Resampler, upper: float = 1.0
) -> Interval:
    """Studentised bootstrap for means over prompts of numbers in [0, upper].

    A column that is the same for every prompt shows no spread to resample. There the mean lies
    within upper (1 - 0.025^(1/P)) of it when it sits at an end of the range, as P prompts alike
    have probability 0.025 when that share of prompts is unlike; else nothing is known.

    Args:
      values: one row a prompt, shape (P, F); unbiased for the prompt.
      resampler: of P prompts.
      upper: largest possible value.

    Source: Efron and Tibshirani, An Introduction to the Bootstrap, section 12.5.
    """
    prompts, columns = values.shape
    low, high = np.full(columns, np.nan), np.full(columns, np.nan)
    if prompts < 2:
        return Interval(low, high)
    mean = values.mean(axis=0)
    error = values.std(axis=0, ddof=1) / prompts**0.5
    spread = error > 1e-12 * upper
    slack = upper * -np.expm1(np.log((1 - LEVEL) / 2) / prompts)
    low[~spread] = np.where(mean[~spread] >= upper * (1 - 1e-9), upper - slack, 0.0)
    high[~spread] = np.where(mean[~spread] <= upper * 1e-9, slack, upper)
    tails = [(1 - LEVEL) / 2, (1 + LEVEL) / 2]
    for part in np.array_split(np.flatnonzero(spread), max(1, int(spread.sum()) // 256)):
        if part.size == 0:
            continue
        scaled = ((values[:, part] - mean[part]) / error[part]).astype(np.float32)
        shift = resampler.weights @ scaled
        variance = resampler.weights @ scaled**2 - shift**2
        # Replicates of nearly equal prompts would make the pivot explode.
        root = np.sqrt(np.maximum(variance, 0.05 * prompts) / (prompts - 1))
        pivot = np.quantile(shift / root, tails, axis=0)
        low[part] = mean[part] - pivot[1] * error[part]
        high[part] = mean[part] - pivot[0] * error[part]
    return Interval(np.clip(low, 0, upper), np.clip(high, 0, upper))


def bca_interval(
    estimate: Float[np.ndarray, " F"],
    replicates: Float[np.ndarray, "B F"],
    influence: Float[np.ndarray, "P F"],
) -> Interval:
    """Bias-corrected and accelerated bootstrap, with Student quantiles for few prompts.

    Args:
      estimate: the statistics, shape (F,).
      replicates: the same in each replicate, shape (B, F).
      influence: first-order effect of each prompt (any scale), whose skewness accelerates.

    Source: Efron 1987 (BCa); Hesterberg 2015, section 5.3 (expanded percentiles).
    """
    prompts = influence.shape[0]
    if prompts < 2:
        nothing = np.full(estimate.shape, np.nan)
        return Interval(nothing, nothing)
    below = np.mean(replicates < estimate, axis=0) + 0.5 * np.mean(replicates == estimate, axis=0)
    size = replicates.shape[0]
    bias = special.ndtri(np.clip(below, 1 / size, 1 - 1 / size))
    centred = influence - influence.mean(axis=0)
    second = (centred**2).sum(axis=0)
    skew = np.where(second > 0, (centred**3).sum(axis=0), 0.0)
    acceleration = skew / (6 * np.where(second > 0, second, 1.0) ** 1.5)
    reach = stats.t.ppf((1 + LEVEL) / 2, prompts - 1) * (prompts / (prompts - 1)) ** 0.5
    bounds = []
    for sign in (-1.0, 1.0):
        moved = bias + sign * reach
        share = special.ndtr(bias + moved / np.maximum(1 - acceleration * moved, 0.1))
        ordered = np.sort(replicates, axis=0)
        position = np.clip(share, 0.0, 1.0) * (size - 1)
        floor = np.floor(position).astype(int)
        columns = np.arange(estimate.size)
        lower = ordered[floor, columns]
        upper = ordered[np.minimum(floor + 1, size - 1), columns]
        bounds.append(lower + (position - floor) * (upper - lower))
    return Interval(bounds[0], bounds[1])
