"""Averages and quantiles over prompts of σ_x and of coverage, corrected for finite samples.

Each prompt has few samples, so plug-in sd are too small and plug-in thresholds move with the noise.
Both are avoided by fitting the law of prompts first (`deconvolution`) and taking averages under it.
"""

from __future__ import annotations

from collections.abc import Sequence
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
from verigap.llm_validation.intervals import Interval, Resampler, Statistic, bca_interval

QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)
_SPLITS = 10


@dataclass(frozen=True)
class Grids:
    """Where coverage is evaluated.

    Attributes:
      margins: distinct ε of the level of anti-concentration, mean + σ ε^½; each from 0 to 1e6.
      chi2_radii: distinct κ of the chi-square ball whose best value is the level; each from 0 to
        1e6.
      c0: threshold of the shares of prompts, in (0, 1].
    """

    margins: tuple[float, ...] = (0.1, 0.25, 0.5, 1.0, 2.0)
    chi2_radii: tuple[float, ...] = (0.1, 0.25, 0.5, 1.0, 2.0)
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


@dataclass(frozen=True, eq=False, kw_only=True)
class Deconvolved:
    """Bias-corrected statistics of a population of prompts at one budget.

    Attributes:
      sigma: mean over prompts of σ_x/H.
      sigma_quantiles: quantiles over prompts of σ_x/H, by level.
      anticoncentration: c(ε) for each margin of the grids; `naive` is NaN.
      reachable: c*(κ) for each radius of the grids; `naive` is NaN.
      shrunken_sigma: mean of σ_x/H given the samples of each prompt, shape (P,).
      converged: whether the fit of the law of prompts converged; True where none was needed.
    """

    sigma: Statistic
    sigma_quantiles: dict[float, Statistic]
    anticoncentration: tuple[Coverage, ...]
    reachable: tuple[Coverage, ...]
    shrunken_sigma: Float[np.ndarray, " P"]
    converged: bool


@dataclass(frozen=True)
class _Columns:
    """Which average over prompts each column of a table holds.

    The mean of σ_x/H comes first, then the mean coverages, then the shares of prompts whose
    coverage is at least c₀; in a row of statistics, quantiles of σ_x/H follow.

    Attributes:
      margins, radii: how many of each the grids hold.
    """

    margins: int
    radii: int

    @classmethod
    def of(cls, grids: Grids) -> _Columns:
        return cls(len(grids.margins), len(grids.chi2_radii))

    @property
    def coverages(self) -> int:
        return self.margins + self.radii

    @property
    def sigma(self) -> int:
        return 0

    @property
    def coverage(self) -> range:
        return range(1, 1 + self.coverages)

    @property
    def share(self) -> range:
        return range(1 + self.coverages, 1 + 2 * self.coverages)

    @property
    def quantile(self) -> range:
        return range(1 + 2 * self.coverages, 1 + 2 * self.coverages + len(QUANTILES))

    @property
    def upper(self) -> Float[np.ndarray, " statistics"]:
        """The largest possible value of each statistic: 1/2 for σ_x/H, 1 for the others."""
        upper = np.ones(self.quantile.stop)
        upper[[self.sigma, *self.quantile]] = 0.5
        return upper


def deconvolve(
    hits: GroupCounts,
    horizon: int,
    grids: Grids,
    resampler: Resampler,
    naive: Float[np.ndarray, " P"],
) -> Deconvolved:
    """Bias-corrected averages over prompts at one budget.

    Args:
      hits: samples of at least one prompt, hits beyond the budget left out.
      horizon: H, in the unit of the hits.
      grids: where coverage is evaluated.
      resampler: of all P prompts.
      naive: plug-in σ_x/H of each prompt.
    """
    if not naive.any():
        return _without_spread(hits, grids, naive)
    times = standardise(hits.prompt, hits.first_correct, hits.count, hits.prompts)
    law = fit_prompt_law(
        hits.correct.astype(float), hits.samples.astype(float), times.mean_speed, times.speeds
    )
    table, columns = _cell_table(times, horizon, grids), _Columns.of(grids)
    estimate = _functionals(law, law.coefficients[None], table)[0]
    influence = _coefficient_influence(law, table)
    influence += _shape_influence(hits, horizon, grids, law, times, estimate)
    interval = _interval(law, table, columns, resampler, estimate, influence)
    statistics = [
        Statistic(float(value), float(low), float(high))
        for value, low, high in zip(estimate, interval.low, interval.high, strict=True)
    ]
    coverages = _coverages(law, table, columns, grids, statistics)
    return Deconvolved(
        sigma=statistics[columns.sigma],
        sigma_quantiles={
            level: statistics[column]
            for level, column in zip(QUANTILES, columns.quantile, strict=True)
        },
        anticoncentration=coverages[: columns.margins],
        reachable=coverages[columns.margins :],
        shrunken_sigma=law.posterior_means(table[:, [columns.sigma]])[:, 0],
        converged=law.converged,
    )


def _without_spread(hits: GroupCounts, grids: Grids, naive: Float[np.ndarray, " P"]) -> Deconvolved:
    """What is known where no prompt's samples differ: nothing tells σ from 0.

    Where two samples are given, at most a share s of prompts would show a difference, and
    E σ <= (E σ²)^½ <= (s/2)^½ H.
    """
    unknown = Statistic(*[float("nan")] * 3)
    several, sigma = int((hits.samples > 1).sum()), unknown
    if several > 1:
        share = -np.expm1(np.log(0.025) / several)
        sigma = Statistic(0.0, 0.0, min((share / 2) ** 0.5, 0.5))
    quantiles = dict.fromkeys(QUANTILES, float("nan"))
    anticoncentration, reachable = (
        tuple(Coverage(at, unknown, float("nan"), quantiles, unknown) for at in each)
        for each in (grids.margins, grids.chi2_radii)
    )
    return Deconvolved(
        sigma=sigma,
        sigma_quantiles=dict.fromkeys(QUANTILES, unknown),
        anticoncentration=anticoncentration,
        reachable=reachable,
        shrunken_sigma=naive,
        converged=True,
    )


def _coefficient_influence(
    law: PromptLaw, table: Float[np.ndarray, "cells F"]
) -> Float[np.ndarray, "P statistics"]:
    """First-order effect of a prompt on the statistics through the coefficients of the law.

    Differences are over half a standard error in each independent direction: quantiles are steps
    on the scale of a cell, and only their slope over the range of the noise matters.
    """
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
    prompts = law.influence.shape[0]
    return prompts * np.linalg.solve(root, law.influence.T).T @ slope


def _interval(
    law: PromptLaw,
    table: Float[np.ndarray, "cells F"],
    columns: _Columns,
    resampler: Resampler,
    estimate: Float[np.ndarray, " statistics"],
    influence: Float[np.ndarray, "P statistics"],
) -> Interval:
    """Bootstrap intervals of the statistics.

    Refitting each replicate would cost thousands of fits, and a step in the coefficients overshoots
    where the likelihood is flat: replicates move along the influence on the log-odds scale, which
    keeps them within range.
    """
    upper = columns.upper
    part = np.clip(estimate / upper, 1e-9, 1.0 - 1e-9)
    odds = influence / (upper * part * (1.0 - part))
    replicates = upper * special.expit(special.logit(part) + resampler.means(odds))
    # Quantiles are too far from linear for that; their own slope is lost in the steps of the grid.
    moved = law.coefficients + resampler.prompts * resampler.means(law.influence)
    replicates[:, columns.quantile] = _quantiles(
        law.densities(moved), table[:, columns.sigma], QUANTILES
    )
    low, high = bca_interval(upper * part, replicates, odds)
    # A share of fewer than half a prompt is none.
    tiny = 0.5 / resampler.prompts
    shares = np.isin(np.arange(estimate.size), columns.share)
    low = np.where(shares & (low < tiny), 0.0, low)
    high = np.where(shares & (high > 1.0 - tiny), 1.0, high)
    return Interval(low, high)


def _coverages(
    law: PromptLaw,
    table: Float[np.ndarray, "cells F"],
    columns: _Columns,
    grids: Grids,
    statistics: Sequence[Statistic],
) -> tuple[Coverage, ...]:
    """Coverage at every margin, then at every radius."""
    density, unknown = law.density[None], float("nan")
    places = (*grids.margins, *grids.chi2_radii)
    return tuple(
        Coverage(
            at=at,
            mean=statistics[mean],
            naive=unknown,
            quantiles={
                level: float(_quantiles(density, table[:, mean], (level,))[0, 0])
                for level in QUANTILES
            },
            share=statistics[share],
        )
        for at, mean, share in zip(places, columns.coverage, columns.share, strict=True)
    )


def _cell_table(times: HittingTimes, horizon: int, grids: Grids) -> Float[np.ndarray, "cells F"]:
    """What is averaged over prompts, for each cell; `_Columns` names the columns."""
    laws = cell_laws(times, horizon)
    coverage = np.concatenate(cell_coverages(laws, grids.margins, grids.chi2_radii), axis=1)
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
    quantiles = []
    for level in levels:
        at = np.clip((cumulative < level).sum(axis=1), 1, ordered.size - 1)
        before, after = cumulative[rows, at - 1], cumulative[rows, at]
        part = np.clip((level - before) / np.maximum(after - before, 1e-300), 0.0, 1.0)
        quantiles.append(ordered[at - 1] + part * (ordered[at] - ordered[at - 1]))
    return np.stack(quantiles, axis=1)


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
