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
from scipy import special

LEVEL = 0.95
# What resampling may cost: prompts times replicates, within the two limits.
_WORK, _FEWEST, _MOST = 20_000_000, 400, 2000
_BLOCK = 1_000_000
_COLUMNS = 256
# What rounding leaves of 0, relative to the largest value: in single and in double precision.
_SINGLE, _DOUBLE = 2e-7, 1e-13


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
    """Bootstrap weights of prompts, drawn once and shared by all statistics of a group.

    Two kinds: multinomial for the BCa bootstrap, uniform on the simplex for bounded means.

    Attributes:
      prompts: number of prompts P, at least 1.
      seed: seed of the draws; the same seed gives the same weights.
      replicates: number of bootstrap replicates B; None chooses 400 to 2,000, fewer for more
        prompts.
    """

    prompts: int
    seed: int
    replicates: int | None = None

    @property
    def size(self) -> int:
        """Number of replicates B."""
        return self.replicates or min(max(_WORK // self.prompts, _FEWEST), _MOST)

    @cached_property
    def weights(self) -> Float[np.ndarray, "B P"]:
        """How often each replicate drew each prompt, divided by P (float32)."""
        size = self.size
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
        return _weighted_means(self.weights, values)

    @cached_property
    def uniform_weights(self) -> Float[np.ndarray, "B P"]:
        """Weights of the prompts, uniform on the simplex in each replicate (float32)."""
        rng = np.random.default_rng([self.seed, 1])
        weights = rng.standard_exponential((self.size, self.prompts), np.float32)
        weights /= weights.sum(axis=1, keepdims=True)
        return weights

    @cached_property
    def unseen(self) -> Float[np.ndarray, " B"]:
        """Weight of one prompt more beside P others, Beta(1, P), stratified over the replicates."""
        rng = np.random.default_rng([self.seed, 2])
        levels = (rng.permutation(self.size) + 0.5) / self.size
        return -np.expm1(np.log1p(-levels) / self.prompts)

    def uniform_means(self, values: Float[np.ndarray, "P F"]) -> Float[np.ndarray, "B F"]:
        """Mean of each column on the uniform weights, computed like `means`."""
        return _weighted_means(self.uniform_weights, values)


def _weighted_means(
    weights: Float[np.ndarray, "B P"], values: Float[np.ndarray, "P F"]
) -> Float[np.ndarray, "B F"]:
    centre = values.mean(axis=0)
    means = weights @ (values - centre).astype(np.float32) + centre
    # Single precision cannot tell these from 0.
    means[np.abs(means) <= _SINGLE * np.abs(values).max(axis=0)] = 0.0
    return means


def student_spread(units: int) -> float:
    """Factor by which 95 % bootstrap intervals of a mean of `units` units must widen; 1 for one."""
    if units < 2:
        return 1.0
    tail = (1 + LEVEL) / 2
    student = float(special.stdtrit(units - 1, tail)) / float(special.ndtri(tail))
    return student * (units / (units - 1)) ** 0.5


def mean_interval(
    values: Float[np.ndarray, "P F"], resampler: Resampler, upper: float = 1.0
) -> Interval:
    """Interval of means over prompts of numbers in [0, upper], by Gaffke's bound.

    The prompts get random weights that are uniform on the simplex (a Bayesian bootstrap), together
    with one prompt more that was not seen: it is put at 0 for the lower end, at `upper` for the
    upper end. That is what few prompts near an end of the range call for, where those that are
    unlike may be missing from the sample. For values 0 and 1 alone it is the interval of Clopper
    and Pearson, up to the noise of the replicates; of P values that are all alike it reaches
    1 - 0.025^(1/P) of the way to either end. Where one value of every prompt is at most another,
    so are both ends.

    Args:
      values: one row a prompt, shape (P, F); unbiased for the prompt.
      resampler: of P prompts.
      upper: largest possible value.

    Returns:
      Ends within [0, upper] that hold the mean; NaN for a single prompt.

    Source: Gaffke 2005, "Three test statistics for a nonparametric one-sided hypothesis on the
    mean of a nonnegative variable"; Phan, Thomas and Learned-Miller 2021, arXiv 2106.03163, whose
    bound for the same problem has a proof and is near to it.

    Example:
      >>> import numpy as np
      >>> low, high = mean_interval(np.ones((20, 1)), Resampler(20, 0))
      >>> round(float(low[0]), 3), float(high[0])
      (0.832, 1.0)
    """
    prompts, columns = values.shape
    low, high = np.full(columns, np.nan), np.full(columns, np.nan)
    if prompts < 2:
        return Interval(low, high)
    for part in np.array_split(np.arange(columns), max(1, columns // _COLUMNS)):
        if part.size:
            means = resampler.uniform_means(values[:, part])
            low[part], high[part] = unseen_prompt_interval(means, resampler, upper)
    mean = values.mean(axis=0)
    return Interval(
        np.clip(np.minimum(low, mean), 0.0, upper), np.clip(np.maximum(high, mean), 0.0, upper)
    )


def unseen_prompt_interval(
    replicates: Float[np.ndarray, "B F"], resampler: Resampler, upper: float = 1.0
) -> Interval:
    """Ends of an interval from replicates on uniform weights, with room for one unseen prompt.

    Args:
      replicates: a statistic in [0, upper] that is linear in the law of prompts, in each replicate
        of `Resampler.uniform_means`.
      resampler: the same.
      upper: largest possible value.
    """
    unseen = resampler.unseen[: replicates.shape[0], None]
    seen = (1.0 - unseen) * replicates
    tail = (1 - LEVEL) / 2
    low = np.quantile(seen, tail, axis=0, method="hazen")
    high = np.quantile(seen + unseen * upper, 1 - tail, axis=0, method="hazen")
    return Interval(np.clip(low, 0.0, upper), np.clip(high, 0.0, upper))


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
    reach = special.stdtrit(prompts - 1, (1 + LEVEL) / 2) * (prompts / (prompts - 1)) ** 0.5
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
    rounding = _DOUBLE * np.abs(replicates).max(axis=0)
    low, high = (np.where(np.abs(bound) <= rounding, 0.0, bound) for bound in bounds)
    return Interval(low, high)
