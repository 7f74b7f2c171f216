"""Fit of one group at one budget H: mean return, heterogeneity, coverage, hitting times."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

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


@dataclass(frozen=True, eq=False, kw_only=True)
class HorizonFit:
    """Everything fitted at one budget H; it and the returns are in the unit of the counts.

    Attributes:
      horizon: H.
      success: share of samples that are correct within the budget, mean over prompts.
      mean_return: mean over prompts of the mean return.
      sigma_over_h: heterogeneity.
      anticoncentration: c(ε) for each ε.
      reachable: c*(κ) for each κ.
      families: laws of the first-correct index with their goodness of fit.
      relative_horizon: H over the mean first-correct index of correct samples.
      mean_return_by_prompt, sigma_by_prompt, shrunken_sigma_by_prompt: shape (P,); the
        last is the mean of σ_x given the prompt's samples.
      converged: whether the fit of the law of prompts converged.
    """

    horizon: int
    success: Statistic
    mean_return: Statistic
    sigma_over_h: Heterogeneity
    anticoncentration: tuple[Coverage, ...]
    reachable: tuple[Coverage, ...]
    families: tuple[HittingFamily, ...]
    relative_horizon: Statistic
    mean_return_by_prompt: Float[np.ndarray, " P"]
    sigma_by_prompt: Float[np.ndarray, " P"]
    shrunken_sigma_by_prompt: Float[np.ndarray, " P"]
    converged: bool


def fit_horizon(
    group: GroupCounts,
    horizon: int,
    grids: Grids,
    resampler: Resampler,
    mean_first_correct: Statistic,
) -> HorizonFit:
    """Fit one budget of one group of at least one prompt.

    Args:
      group: the samples.
      horizon: H, in the unit of the group.
      grids: where coverage is evaluated.
      resampler: of all P prompts.
      mean_first_correct: mean first-correct index of the correct samples.
    """
    hits = group.within(horizon)
    plug_in = _plug_in(hits, horizon)
    naive = plug_in.sigma_over_h
    deconvolved = deconvolve(hits, horizon, grids, resampler, naive)
    success, mean_return = _means(hits, horizon, plug_in.mean, resampler)
    return HorizonFit(
        horizon=horizon,
        success=success,
        mean_return=mean_return,
        sigma_over_h=Heterogeneity(
            mean=deconvolved.sigma,
            naive=float(naive.mean()),
            root_mean_square=_root_mean_square(hits, horizon, plug_in.variance, resampler),
            quantiles=deconvolved.sigma_quantiles,
            naive_quantiles={level: float(np.quantile(naive, level)) for level in QUANTILES},
        ),
        anticoncentration=tuple(
            replace(row, naive=_plug_in_coverage(hits, horizon, plug_in, row.at))
            for row in deconvolved.anticoncentration
        ),
        reachable=deconvolved.reachable,
        families=_families(hits, horizon, resampler),
        relative_horizon=Statistic(
            horizon / mean_first_correct.estimate,
            horizon / mean_first_correct.high,
            horizon / mean_first_correct.low,
        ),
        mean_return_by_prompt=plug_in.mean,
        sigma_by_prompt=naive * horizon,
        shrunken_sigma_by_prompt=deconvolved.shrunken_sigma * horizon,
        converged=deconvolved.converged,
    )


class _PlugIn(NamedTuple):
    """Mean and variance of the returns of each prompt's own samples, and their sd over H."""

    mean: Float[np.ndarray, " P"]
    variance: Float[np.ndarray, " P"]
    sigma_over_h: Float[np.ndarray, " P"]


def _plug_in(hits: GroupCounts, horizon: int) -> _PlugIn:
    returns = horizon - hits.first_correct + 1.0
    mean = hits.total(returns) / hits.samples
    square = hits.total(returns**2) / hits.samples
    variance = np.maximum(square - mean**2, 0.0)
    variance[variance < 1e-12 * square] = 0.0
    return _PlugIn(mean, variance, np.sqrt(variance) / horizon)


def _plug_in_coverage(hits: GroupCounts, horizon: int, plug_in: _PlugIn, margin: float) -> float:
    """Mean share of samples at or above a prompt's threshold, returns of 0 among them."""
    returns = horizon - hits.first_correct + 1.0
    level = plug_in.mean + plug_in.sigma_over_h * horizon * margin**0.5 - 1e-6 * horizon
    reached = hits.total((returns >= level[hits.prompt]).astype(float)) / hits.samples
    reached += np.where(level <= 0, 1.0 - hits.correct / hits.samples, 0.0)
    return float(reached.mean())


def _means(
    hits: GroupCounts, horizon: int, mean: Float[np.ndarray, " P"], resampler: Resampler
) -> tuple[Statistic, Statistic]:
    """Share of correct samples and mean return, averaged over prompts."""
    correct = hits.correct / hits.samples
    interval = mean_interval(np.stack([correct, mean / horizon], axis=1), resampler)
    success, returned = (
        Statistic(float(values.mean()), float(low) * unit, float(high) * unit)
        for values, low, high, unit in zip(
            (correct, mean), interval.low, interval.high, (1, horizon), strict=True
        )
    )
    return success, returned


def _families(hits: GroupCounts, horizon: int, resampler: Resampler) -> tuple[HittingFamily, ...]:
    """Laws of the first-correct index; none without a success."""
    if not hits.count.size:
        return ()
    share = hits.count / hits.samples[hits.prompt]
    return fit_families(hits.prompt, hits.first_correct, share, horizon, resampler)


def _root_mean_square(
    hits: GroupCounts, horizon: int, variance: Float[np.ndarray, " P"], resampler: Resampler
) -> Statistic:
    """Root of the mean of unbiased variances relative to H², each at most 1/2."""
    kept, samples = hits.samples > 1, hits.samples
    values = (variance * samples / np.maximum(samples - 1, 1))[kept] / horizon**2
    if values.size == 0:
        return Statistic(*[float("nan")] * 3)
    mean = float(values.mean())
    # Prompts with a single sample have no say: they sit at the mean of the others.
    filled = np.full(kept.size, mean)
    filled[kept] = mean + (values - mean) * kept.size / values.size
    interval = mean_interval(filled[:, None], resampler, 0.5)
    low, high = float(interval.low[0]), float(interval.high[0])
    return Statistic(mean**0.5, min(low**0.5, 0.5), min(high**0.5, 0.5))
