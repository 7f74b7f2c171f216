"""Fit every (dataset, model) of a trace table: the one implementation behind `verigap fit`."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from verigap.llm_validation.arguments import checked_horizons, listed, whole
from verigap.llm_validation.budgets import ChosenHorizons, chosen_horizons
from verigap.llm_validation.fitting.counts import GroupCounts, first_samples, group_counts
from verigap.llm_validation.fitting.extrapolation import Extrapolation, extrapolate
from verigap.llm_validation.fitting.horizons import HorizonFit, fit_horizon
from verigap.llm_validation.fitting.pass_at_k import largest_measured, pass_at_k
from verigap.llm_validation.fitting.population import Grids
from verigap.llm_validation.fitting.success_law import SuccessLaw
from verigap.llm_validation.intervals import (
    Resampler,
    Statistic,
    bca_interval,
    mean_interval,
)
from verigap.llm_validation.traces import Traces, nothing_verified
from verigap.storage.tables import TableError

_BEYOND = (2, 4, 10)
_LARGEST_K = 10**9
# Fewer samples a prompt than this leave the shape of the law of prompts to the family assumed.
_FEW_SAMPLES = 8
_FEW_PROMPTS = 20


@dataclass(frozen=True)
class PassAtK:
    """pass@k over prompts.

    Attributes:
      value: estimate and interval. Beyond the samples: the estimate of the power law (of the
        mixture, with one sample a prompt), and the interval that covers those of both laws.
      prompts: prompts that entered: the same, all of the group, for every k.
      extrapolated: whether k is beyond the samples.
      models: the estimate of each law, by its name; empty within the samples, and where no sample
        is correct.
    """

    value: Statistic
    prompts: int
    extrapolated: bool
    models: dict[str, Statistic]


@dataclass(frozen=True, eq=False, kw_only=True)
class GroupFit:
    """Everything fitted on one (dataset, model). Budgets, indices and returns are in `counts.unit`.

    Attributes:
      counts: the samples it was fitted on.
      mean_correct: mean over prompts of the share of correct samples.
      pass_at_k: by k, ascending.
      measured_k: the largest k that is measured, N.
      success_laws: fitted laws of per-prompt success, that of the estimate first.
      mean_first_correct: mean first-correct index of a correct sample of a random prompt, prompts
        weighted by their success.
      horizon_fits: what was fitted at each budget H, ascending; none where a correct sample has
        no place and no length.
      warnings: what a reader must know before using the numbers, one line each.
      horizons_chosen: the budgets with the reason for them, where none were given; else None.
    """

    counts: GroupCounts
    mean_correct: Statistic
    pass_at_k: dict[int, PassAtK]
    measured_k: int
    success_laws: tuple[SuccessLaw, ...]
    mean_first_correct: Statistic
    horizon_fits: tuple[HorizonFit, ...]
    warnings: tuple[str, ...]
    horizons_chosen: ChosenHorizons | None = None


@dataclass(frozen=True, eq=False)
class Fit:
    """Fits of all groups of a trace table, and the groups that could not be fitted.

    Attributes:
      groups: sorted by (dataset, model).
      left_out: (dataset, model, samples) of groups without a single verified sample.
      grids: where coverage was evaluated.
      seed: seed of the bootstrap.
    """

    groups: tuple[GroupFit, ...]
    left_out: tuple[tuple[str, str, int], ...]
    grids: Grids
    seed: int


def fit(
    traces: Traces,
    horizons: Iterable[int] | None = None,
    *,
    seed: int = 0,
    grids: Grids | None = None,
    pass_at: Iterable[int] = (),
    samples: int | None = None,
    replicates: int | None = None,
) -> Fit:
    """Statistics of sampled traces that the bounds need, with 95 % intervals over prompts.

    Args:
      traces: the samples; every (dataset, model) is fitted on its own.
      horizons: distinct budgets H; every group counts them in its own unit. By default each group
        has its own, by its lengths, as in a diagnosis.
      seed: seed of the bootstrap, at least 0; the same seed gives the same numbers.
      grids: margins ε, radii κ and the threshold c₀ of coverage.
      pass_at: further k of pass@k.
      samples: use only the first so many samples of each prompt.
      replicates: number of bootstrap replicates, at least 100; by default 400 to 2,000.

    Raises:
      TableError: an argument is out of range, or no sample was verified.

    Example:
      >>> from verigap.llm_validation.fitting.fit import fit
      >>> from verigap.llm_validation import read_traces
      >>> found = fit(read_traces("examples/smollm2_products.parquet"), [64], replicates=100)
      >>> round(found.groups[0].mean_correct.estimate, 3)
      0.093
    """
    given = None if horizons is None else checked_horizons(horizons)
    grids = checked_grids(grids or Grids())
    wanted = [whole(k, "pass_at", 1, _LARGEST_K) for k in listed(pass_at, "pass_at")]
    seed = whole(seed, "seed", 0, 2**63 - 1)
    if replicates is not None:
        replicates = whole(replicates, "replicates", 100, 100_000)
    if samples is not None:
        traces = first_samples(traces, whole(samples, "first_samples", 1, 2**53))
    own = {} if given is not None else _chosen_by_group(traces)
    groups, left_out = [], []
    for counts in group_counts(traces):
        if counts.prompts == 0:
            left_out.append((counts.dataset, counts.model, counts.left_out_samples))
            continue
        resampler = Resampler(counts.prompts, seed, replicates)
        chosen = own.get((counts.dataset, counts.model))
        horizons_of_group = given if chosen is None else chosen.horizons
        fitted = _fit_group(counts, horizons_of_group or (), grids, wanted, resampler)
        groups.append(replace(fitted, horizons_chosen=chosen))
    if not groups:
        raise nothing_verified(traces.source)
    return Fit(tuple(groups), tuple(left_out), grids, seed)


def _chosen_by_group(traces: Traces) -> dict[tuple[str, str], ChosenHorizons]:
    return {(each.dataset, each.model): each for each in chosen_horizons(traces)}


def checked_grids(grids: Grids) -> Grids:
    """The same grids, or `TableError` naming what is out of range."""
    for name, values in (("margins", grids.margins), ("chi2_radii", grids.chi2_radii)):
        for value in values:
            if not (math.isfinite(value) and 0 <= value <= 1e6):
                raise TableError(f"{name}: {value!r} is out of range; give numbers from 0 to 1e6")
        if not values or len(set(values)) < len(values):
            raise TableError(f"{name}: give distinct numbers, at least one")
    if not 0 < grids.c0 <= 1:
        raise TableError(f"c0: {grids.c0!r} is no coverage; give a number above 0, at most 1")
    return grids


def _fit_group(
    counts: GroupCounts,
    horizons: Sequence[int],
    grids: Grids,
    wanted: list[int],
    resampler: Resampler,
) -> GroupFit:
    measured = largest_measured(counts.samples)
    table = _measured_pass_at_k(counts, measured, resampler)
    beyond = sorted({*(factor * measured for factor in _BEYOND), *wanted} - set(table))
    laws = ()
    if beyond:
        extrapolated, laws = _extrapolated(counts, beyond, table[measured].value, resampler)
        table |= extrapolated
    first = _mean_first_correct(counts, resampler)
    fits = ()
    if not counts.unplaced.any():
        fits = tuple(fit_horizon(counts, horizon, grids, resampler, first) for horizon in horizons)
    return GroupFit(
        counts=counts,
        mean_correct=table[1].value,
        pass_at_k=table,
        measured_k=measured,
        success_laws=laws,
        mean_first_correct=first,
        horizon_fits=fits,
        warnings=(*_warnings(counts), *_unconverged(fits)),
    )


def _unconverged(fits: Sequence[HorizonFit]) -> list[str]:
    return [
        f"H = {each.horizon}: the fit of the law of prompts did not converge; sigma and coverage "
        "there are rough"
        for each in fits
        if not each.converged
    ]


def _extrapolated(
    counts: GroupCounts, ks: list[int], measured: Statistic, resampler: Resampler
) -> tuple[dict[int, PassAtK], tuple[SuccessLaw, ...]]:
    """pass@k beyond the samples by k, and the laws of success behind it."""
    found = extrapolate(counts.correct, counts.samples, np.array(ks), measured, resampler)

    def at(index: int, each: SuccessLaw | Extrapolation) -> Statistic:
        return Statistic(*(float(row[index]) for row in (each.estimate, each.low, each.high)))

    table = {
        k: PassAtK(
            value=at(index, found),
            prompts=counts.prompts,
            extrapolated=True,
            models={law.name: at(index, law) for law in found.laws},
        )
        for index, k in enumerate(ks)
    }
    return table, found.laws


def _measured_pass_at_k(
    counts: GroupCounts, largest: int, resampler: Resampler
) -> dict[int, PassAtK]:
    each = pass_at_k(counts.correct, counts.samples, largest)
    estimate = each.mean(axis=0)
    interval = mean_interval(each, resampler)
    return {
        index + 1: PassAtK(
            Statistic(
                float(estimate[index]), float(interval.low[index]), float(interval.high[index])
            ),
            counts.prompts,
            False,
            {},
        )
        for index in range(largest)
    }


def _mean_first_correct(counts: GroupCounts, resampler: Resampler) -> Statistic:
    """Mean first-correct index of the correct samples, a ratio of two means over prompts."""
    if not counts.count.size or counts.unplaced.any():
        return Statistic(*[float("nan")] * 3)
    top = counts.total(counts.first_correct.astype(float)) / counts.samples
    bottom = counts.correct / counts.samples
    ratio = float(top.mean() / bottom.mean())
    means = resampler.means(np.stack([top, bottom], axis=1))
    # A replicate without any success says nothing about when successes come.
    solved = means[:, 1] > 1e-6 * bottom.mean()
    replicates = (means[solved, :1] / means[solved, 1:]) if solved.any() else np.array([[ratio]])
    influence = (top - ratio * bottom)[:, None]
    interval = bca_interval(np.array([ratio]), replicates, influence)
    return Statistic(ratio, float(interval.low[0]), float(interval.high[0]))


def _warnings(counts: GroupCounts) -> list[str]:
    warnings = []
    samples = int(np.median(counts.samples))
    if counts.prompts == 1:
        warnings.append("one prompt: nothing shows how prompts differ, so there are no intervals")
    elif counts.prompts < _FEW_PROMPTS:
        warnings.append(
            f"{counts.prompts} prompts: intervals are rough below {_FEW_PROMPTS} prompts"
        )
    if samples == 1:
        warnings.append(
            "one sample a prompt: the spread within prompts (sigma, coverage, pass@k for k > 1) "
            "is not identified; what is shown rests on the assumed family"
        )
    elif samples < _FEW_SAMPLES:
        warnings.append(
            f"{samples} samples a prompt: sigma and coverage rest on the assumed family of laws "
            f"below {_FEW_SAMPLES} samples"
        )
    warnings += counts.open_questions
    if counts.unplaced.any():
        warnings.append(
            f"no budget is fitted: {int(counts.unplaced.sum())} correct samples have neither "
            "first_correct nor n_tokens, so nobody knows within which budget they are correct"
        )
    if not counts.correct.any():
        warnings.append("no sample is correct: coverage is unknown, and intervals are one-sided")
    if counts.correct_only_at_end:
        warnings.append(
            f"{counts.correct_only_at_end} correct samples are only known to be correct at their "
            "end; their returns are lower bounds"
        )
    return warnings
