"""Averages and quantiles over prompts of σ_x and of coverage, corrected for finite samples.

Each prompt has few samples, so plug-in sd are too small and plug-in thresholds move with the noise.
Both are avoided by fitting the law of prompts first (`deconvolution`) and taking averages under it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy import special

from verigap.llm_validation.fitting.cells import (
    HittingTimes,
    cell_coverages,
    cell_heterogeneity,
    cell_laws,
    reshaped,
    standardise,
)
from verigap.llm_validation.fitting.counts import GroupCounts
from verigap.llm_validation.fitting.deconvolution import PromptLaw, fit_prompt_law
from verigap.llm_validation.intervals import Resampler, Statistic, bca_interval

QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)
_SPLITS = 10


@dataclass(frozen=True)
class Grids:
    """Where coverage is evaluated: margins ε, radii κ, and the threshold c₀ of the shares."""

    margins: tuple[float, ...] = (0.1, 0.25, 0.5, 1.0, 2.0)
    radii: tuple[float, ...] = (0.1, 0.25, 0.5, 1.0, 2.0)
    c0: float = 0.1


@dataclass(frozen=True)
class Coverage:
    """Coverage of a level over prompts: c_x(ε), or c*_x(κ).

    Attributes:
      at: ε or κ.
      mean: bias-corrected mean over prompts.
      naive: mean over prompts of the plug-in; c = 1 where all samples of a prompt are alike. NaN
        for c*.
      quantiles: bias-corrected quantiles over prompts, by level.
      share: share of prompts whose coverage is at least c₀.
    """

    at: float
    mean: Statistic
    naive: float
    quantiles: dict[float, float]
    share: Statistic


@dataclass(frozen=True, eq=False)
class Deconvolved:
    """Statistics of a population of prompts at one budget.

    Attributes:
      statistics: "sigma" (of σ_x/H), coverages "c0", "k0", ... by position in their grid,
        "share c0", ..., and quantiles "sigma0.5", ... of σ_x/H.
      quantiles: of each coverage over prompts, by level.
    """

    statistics: dict[str, Statistic]
    quantiles: dict[str, dict[float, float]]

    def coverage(self, name: str, at: float, naive: float) -> Coverage:
        """One coverage by its name."""
        mean, share = self.statistics[name], self.statistics[f"share {name}"]
        return Coverage(at, mean, naive, self.quantiles[name], share)


def _names(grids: Grids) -> tuple[list[str], list[str]]:
    """Names of the coverages and of all averages over cells."""
    names = [f"c{index}" for index in range(len(grids.margins))]
    names += [f"k{index}" for index in range(len(grids.radii))]
    return names, ["sigma", *names, *(f"share {name}" for name in names)]


def deconvolve(
    hits: GroupCounts,
    horizon: int,
    grids: Grids,
    resampler: Resampler,
    naive: Float[np.ndarray, " P"],
) -> tuple[Deconvolved, Float[np.ndarray, " P"]]:
    """Bias-corrected averages over prompts, and each prompt's shrunken σ_x/H."""
    names, averages = _names(grids)
    nothing = Statistic(*[float("nan")] * 3)
    unknown = {level: float("nan") for level in QUANTILES}
    if not naive.any():
        # No prompt's samples differ: nothing tells σ from 0. Where two samples are given, at most
        # a share s of prompts would show a difference, and E σ <= (E σ²)^½ <= (s/2)^½ H.
        several = int((hits.samples > 1).sum())
        share = -np.expm1(np.log(0.025) / several) if several > 1 else float("nan")
        sigma = Statistic(0.0, 0.0, min((share / 2) ** 0.5, 0.5)) if several > 1 else nothing
        statistics = dict.fromkeys([*averages, *(f"sigma{level}" for level in QUANTILES)], nothing)
        statistics["sigma"] = sigma
        return Deconvolved(statistics, dict.fromkeys(names, unknown)), naive
    times = standardise(hits.prompt, hits.first_correct, hits.count, hits.prompts)
    law = fit_prompt_law(
        hits.correct.astype(float), hits.samples.astype(float), times.mean_speed, times.speeds
    )
    table = _cell_table(times, horizon, grids)
    estimate = _functionals(law, law.coefficients[None], table)[0]
    # Differences over half a standard error in each independent direction: quantiles are steps on
    # the scale of a cell, and only their slope over the range of the noise matters.
    root = np.linalg.cholesky(
        law.influence.T @ law.influence + 1e-10 * np.eye(law.coefficients.size)
    )
    step = 0.5
    slope = np.stack(
        [
            _functionals(law, (law.coefficients + step * move)[None], table)[0]
            - _functionals(law, (law.coefficients - step * move)[None], table)[0]
            for move in root.T
        ]
    ) / (2 * step)
    influence = hits.prompts * np.linalg.solve(root, law.influence.T).T @ slope
    influence += _shape_influence(hits, horizon, grids, law, times, estimate)
    upper = np.ones(estimate.size)
    keys = [*averages, *(f"sigma{level}" for level in QUANTILES)]
    upper[[key.startswith("sigma") for key in keys]] = 0.5
    # Refitting each replicate would cost thousands of fits, and a step in the coefficients
    # overshoots where the likelihood is flat: replicates move along the influence on the log-odds
    # scale, which keeps them within range.
    share = np.clip(estimate / upper, 1e-9, 1.0 - 1e-9)
    odds = influence / (upper * share * (1.0 - share))
    replicates = upper * special.expit(special.logit(share) + resampler.means(odds))
    # Quantiles are too far from linear for that; their own slope is lost in the steps of the grid.
    moved = law.coefficients + hits.prompts * resampler.means(law.influence)
    replicates[:, len(averages) :] = _quantiles(law.densities(moved), table[:, 0], QUANTILES)
    interval = bca_interval(upper * share, replicates, odds)
    low, high = interval
    # A share of fewer than half a prompt is none.
    tiny = 0.5 / hits.prompts
    shares = np.array([key.startswith("share") for key in keys])
    low = np.where(shares & (low < tiny), 0.0, low)
    high = np.where(shares & (high > 1.0 - tiny), 1.0, high)
    statistics = {
        key: Statistic(float(estimate[index]), float(low[index]), float(high[index]))
        for index, key in enumerate(keys)
    }
    density = law.density[None]
    quantiles = {
        name: {
            level: float(_quantiles(density, table[:, averages.index(name)], (level,))[0, 0])
            for level in QUANTILES
        }
        for name in names
    }
    return Deconvolved(statistics, quantiles), law.posterior_means(table[:, :1])[:, 0]


def _cell_table(times: HittingTimes, horizon: int, grids: Grids) -> Float[np.ndarray, "cells F"]:
    """What is averaged over prompts, for each cell: σ/H, coverages, and indicators of c₀."""
    laws = cell_laws(times, horizon)
    coverage = np.concatenate(cell_coverages(laws, grids.margins, grids.radii), axis=1)
    sigma = cell_heterogeneity(laws)[:, None] / horizon
    return np.concatenate([sigma, coverage, (coverage >= grids.c0).astype(float)], axis=1)


def _functionals(
    law: PromptLaw, coefficients: Float[np.ndarray, "B M"], table: Float[np.ndarray, "cells F"]
) -> Float[np.ndarray, "B statistics"]:
    """Averages over prompts of the columns of the table, then quantiles of its first."""
    density = law.densities(coefficients)
    return np.concatenate([density @ table, _quantiles(density, table[:, 0], QUANTILES)], axis=1)


def _quantiles(
    density: Float[np.ndarray, "B cells"],
    values: Float[np.ndarray, " cells"],
    levels: tuple[float, ...],
) -> Float[np.ndarray, "B levels"]:
    """Quantiles of a function of a cell, interpolated between cells."""
    order = np.argsort(values, kind="stable")
    cumulative, ordered = np.cumsum(density[:, order], axis=1), values[order]
    rows = np.arange(density.shape[0])
    found = []
    for level in levels:
        at = np.clip((cumulative < level).sum(axis=1), 1, ordered.size - 1)
        before, after = cumulative[rows, at - 1], cumulative[rows, at]
        part = np.clip((level - before) / np.maximum(after - before, 1e-300), 0.0, 1.0)
        found.append(ordered[at - 1] + part * (ordered[at] - ordered[at - 1]))
    return np.stack(found, axis=1)


def _shape_influence(
    hits: GroupCounts,
    horizon: int,
    grids: Grids,
    law: PromptLaw,
    times: HittingTimes,
    estimate: Float[np.ndarray, " statistics"],
) -> Float[np.ndarray, "P statistics"]:
    """Effect of a prompt through the common shape of the hitting times (grouped jackknife)."""
    splits = min(_SPLITS, hits.prompts)
    split = np.arange(hits.prompts) % splits
    influence = np.zeros((hits.prompts, estimate.size))
    if times.scale == 0.0:
        return influence
    for index in range(splits):
        kept = split[hits.prompt] != index
        if not kept.any():
            continue
        others = standardise(
            hits.prompt[kept], hits.first_correct[kept], hits.count[kept], hits.prompts
        )
        table = _cell_table(reshaped(times, others), horizon, grids)
        without = _functionals(law, law.coefficients[None], table)[0]
        # A split's mean influence varies less than a single prompt's, by its size.
        influence[split == index] = (
            (splits - 1) * (estimate - without) * (hits.prompts / splits) ** 0.5
        )
    return influence - influence.mean(axis=0)
