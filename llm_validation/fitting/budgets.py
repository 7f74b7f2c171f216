"""What the theory needs at one budget: mean return, heterogeneity, coverage."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from verigap.llm_validation.fitting.counts import GroupCounts
from verigap.llm_validation.fitting.hitting_families import HittingFamily, fit_families
from verigap.llm_validation.fitting.population import QUANTILES, Coverage, Grids, deconvolve
from verigap.llm_validation.intervals import Resampler, Statistic, mean_interval


@dataclass(frozen=True)
class Heterogeneity:
    """σ_x/H over prompts, in [0, 1/2].

    Attributes:
      mean: bias-corrected mean over prompts.
      naive: mean over prompts of the plug-in sd of the samples; biased downwards.
      root_mean_square: root of the mean of the unbiased σ_x²/H².
      quantiles: bias-corrected quantiles over prompts, by level; 0.5 is the median.
      naive_quantiles: quantiles of the plug-in sd, by level.
    """

    mean: Statistic
    naive: float
    root_mean_square: Statistic
    quantiles: dict[float, Statistic]
    naive_quantiles: dict[float, float]


@dataclass(frozen=True, eq=False)
class BudgetFit:
    """Everything fitted at one budget H; it and the returns are in the unit of the counts.

    Attributes:
      horizon: H.
      success: share of samples that are correct within the budget, mean over prompts.
      mean_return: mean over prompts of the mean return.
      sigma_over_h: heterogeneity.
      anticoncentration: c(ε) for each ε.
      reachable: c*(κ) for each κ.
      families: laws of the first-correct index with their goodness of fit.
      relative_budget: H over the mean first-correct index of correct samples.
      mean_return_by_prompt, sigma_by_prompt, shrunken_sigma_by_prompt: shape (P,); the
        last is the mean of σ_x given the prompt's samples.
    """

    horizon: int
    success: Statistic
    mean_return: Statistic
    sigma_over_h: Heterogeneity
    anticoncentration: tuple[Coverage, ...]
    reachable: tuple[Coverage, ...]
    families: tuple[HittingFamily, ...]
    relative_budget: Statistic
    mean_return_by_prompt: Float[np.ndarray, " P"]
    sigma_by_prompt: Float[np.ndarray, " P"]
    shrunken_sigma_by_prompt: Float[np.ndarray, " P"]


def fit_budget(
    group: GroupCounts,
    horizon: int,
    grids: Grids,
    resampler: Resampler,
    mean_first_correct: Statistic,
) -> BudgetFit:
    """Fit one budget of one group of at least one prompt."""
    hits = group.within(horizon)
    samples = hits.samples.astype(float)
    returns = horizon - hits.first_correct + 1.0
    mean = hits.total(returns) / samples
    square = hits.total(returns**2) / samples
    variance = np.maximum(square - mean**2, 0.0)
    variance[variance < 1e-12 * square] = 0.0
    naive = np.sqrt(variance) / horizon
    deconvolved, shrunken = deconvolve(hits, horizon, grids, resampler, naive)
    unbiased = (variance * samples / np.maximum(samples - 1, 1))[samples > 1] / horizon**2
    # Plug-in coverage: samples at or above the threshold, returns of 0 among them.
    coverages = []
    for index, margin in enumerate(grids.margins):
        level = mean + naive * horizon * margin**0.5 - 1e-6 * horizon
        reached = hits.total((returns >= level[hits.prompt]).astype(float)) / samples
        reached += np.where(level <= 0, 1.0 - hits.correct / samples, 0.0)
        coverages.append(deconvolved.coverage(f"c{index}", margin, float(reached.mean())))
    reachable = [
        deconvolved.coverage(f"k{index}", radius, float("nan"))
        for index, radius in enumerate(grids.radii)
    ]
    interval = mean_interval(np.stack([hits.correct / samples, mean / horizon], axis=1), resampler)
    means = [float((hits.correct / samples).mean()), float(mean.mean())]
    scaled = [
        Statistic(value, float(low) * unit, float(high) * unit)
        for value, low, high, unit in zip(
            means, interval.low, interval.high, (1, horizon), strict=True
        )
    ]
    return BudgetFit(
        horizon,
        scaled[0],
        scaled[1],
        Heterogeneity(
            deconvolved.statistics["sigma"],
            float(naive.mean()),
            _root(unbiased, resampler, samples > 1),
            {level: deconvolved.statistics[f"sigma{level}"] for level in QUANTILES},
            {level: float(np.quantile(naive, level)) for level in QUANTILES},
        ),
        tuple(coverages),
        tuple(reachable),
        fit_families(
            hits.prompt, hits.first_correct, hits.count / samples[hits.prompt], horizon, resampler
        )
        if hits.count.size
        else (),
        Statistic(
            horizon / mean_first_correct.estimate,
            horizon / mean_first_correct.high,
            horizon / mean_first_correct.low,
        ),
        mean,
        naive * horizon,
        shrunken * horizon,
    )


def _root(values: np.ndarray, resampler: Resampler, kept: np.ndarray) -> Statistic:
    """Root of the mean of unbiased relative variances, each at most 1/2."""
    if values.size == 0:
        return Statistic(*[float("nan")] * 3)
    mean = float(values.mean())
    # Prompts with a single sample have no say: they sit at the mean of the others.
    filled = np.full(kept.size, mean)
    filled[kept] = mean + (values - mean) * kept.size / values.size
    interval = mean_interval(filled[:, None], resampler, 0.5)
    low, high = float(interval.low[0]), float(interval.high[0])
    return Statistic(mean**0.5, min(low**0.5, 0.5), min(high**0.5, 0.5))
