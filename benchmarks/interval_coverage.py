"""How often 95 % intervals of `verigap fit` hold the truth, on populations whose truth is known.

    python -m benchmarks.interval_coverage [--repetitions 400] [--populations beta,mixture,hard]

Each repetition draws new prompts and new samples. Truths come from 20,000 prompts of the
population, with the law of each prompt known exactly.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy import stats

from verigap.llm_validation.fitting.counts import GroupCounts
from verigap.llm_validation.fitting.extrapolation import extrapolate
from verigap.llm_validation.fitting.pass_at_k import largest_measured, pass_at_k
from verigap.llm_validation.fitting.population import Grids, deconvolve
from verigap.llm_validation.intervals import Resampler, Statistic, mean_interval
from verigap.storage.units import LengthUnit

HORIZON = 256
DESIGNS = ((20, 16), (50, 50), (200, 8))
GRIDS = Grids(margins=(0.25, 0.5, 1.0, 2.0), chi2_radii=(0.25, 1.0), c0=0.2)
PASS_AT = (1, 4, 8)
BEYOND = (64, 1000)
_TRUTH_PROMPTS = 20_000
_REPLICATES = 1000


class Prompts(NamedTuple):
    """Success probability, and mean and sd of the log first-correct index, of each prompt."""

    success: np.ndarray
    centre: np.ndarray
    spread: float


def _beta(rng: np.random.Generator, prompts: int) -> Prompts:
    return Prompts(rng.beta(2, 3, prompts), rng.normal(np.log(100), 0.4, prompts), 0.4)


def _mixture(rng: np.random.Generator, prompts: int) -> Prompts:
    easy = rng.random(prompts) < 0.5
    success = np.where(easy, rng.beta(18, 12, prompts), rng.beta(6, 24, prompts))
    return Prompts(success, rng.normal(np.log(100), 0.1, prompts) - 0.3 * (success - 0.5), 0.6)


def _hard(rng: np.random.Generator, prompts: int) -> Prompts:
    return Prompts(rng.beta(0.4, 3, prompts), rng.normal(np.log(100), 0.3, prompts), 0.4)


POPULATIONS: dict[str, Callable[[np.random.Generator, int], Prompts]] = {
    "beta": _beta,
    "mixture": _mixture,
    "hard": _hard,
}


def truths(population: str) -> dict[str, float]:
    """The estimands, from the exact law of the return of each of many prompts."""
    prompts = POPULATIONS[population](np.random.default_rng(1), _TRUTH_PROMPTS)
    tokens = np.arange(1, HORIZON + 1)
    cdf = stats.norm.cdf((np.log(tokens) - prompts.centre[:, None]) / prompts.spread)
    hit = np.diff(cdf, axis=1, prepend=0.0) * prompts.success[:, None]
    law = np.concatenate([1.0 - hit.sum(axis=1, keepdims=True), hit[:, ::-1]], axis=1)
    returns = np.arange(HORIZON + 1.0)
    mean = law @ returns
    sigma = np.sqrt(np.maximum(law @ returns**2 - mean**2, 0.0))
    known = {
        "mean return": float(mean.mean()),
        "mean sigma/H": float(sigma.mean()) / HORIZON,
        "median sigma/H": float(np.median(sigma)) / HORIZON,
        "rms sigma/H": float((sigma**2).mean()) ** 0.5 / HORIZON,
    }
    for margin in GRIDS.margins:
        reached = returns >= (mean + sigma * margin**0.5)[:, None] - 1e-9
        coverage = (law * reached).sum(axis=1)
        known[f"c({margin:g})"] = float(coverage.mean())
        known[f"share c({margin:g}) >= {GRIDS.c0:g}"] = float((coverage >= GRIDS.c0).mean())
    known.update(_reachable(returns, law))
    for k in (*PASS_AT, *BEYOND):
        solved = float((-np.expm1(k * np.log1p(-prompts.success * cdf[:, -1]))).mean())
        names = [f"pass@{k}"]
        if k in BEYOND:
            names = [f"pass@{k} {kind}" for kind in ("power law", "mixture", "envelope")]
        known.update(dict.fromkeys(names, solved))
    return known


def _reachable(returns: np.ndarray, law: np.ndarray) -> dict[str, float]:
    import jax.numpy as jnp

    from verigap.theory import RewardLaw, chi2_ball_expert, level_coverage

    laws = RewardLaw(jnp.asarray(returns), jnp.asarray(law))
    return {
        f"c*({radius:g})": float(
            jnp.mean(level_coverage(laws, chi2_ball_expert(laws, radius).value))
        )
        for radius in GRIDS.chi2_radii
    }


def sampled(population: str, prompts: int, samples: int, rng: np.random.Generator) -> GroupCounts:
    """One trace table of a population, already collapsed."""
    drawn = POPULATIONS[population](rng, prompts)
    tokens = np.exp(drawn.centre[:, None] + drawn.spread * rng.normal(size=(prompts, samples)))
    first = np.maximum(np.ceil(tokens), 1.0).astype(np.int64)
    hit = (rng.random((prompts, samples)) < drawn.success[:, None]) & (first <= HORIZON)
    return GroupCounts(
        dataset=population,
        model="",
        unit=LengthUnit.TOKENS,
        prompt_ids=tuple(map(str, range(prompts))),
        samples=np.full(prompts, samples),
        unverified=np.zeros(prompts, np.int64),
        prompt=np.nonzero(hit)[0],
        first_correct=first[hit],
        count=np.ones(int(hit.sum()), np.int64),
        left_out=0,
        left_out_samples=0,
        correct_only_at_end=0,
        unplaced=np.zeros(prompts, np.int64),
        ungraded=None,
        lost=np.zeros(prompts, np.int64),
        end_unknown=0,
    )


def estimates(group: GroupCounts, seed: int, beyond: bool = False) -> dict[str, Statistic]:
    """What the fit reports, by the names of `truths`."""
    resampler = Resampler(group.prompts, seed, _REPLICATES)
    returns = HORIZON - group.first_correct + 1.0
    mean = group.total(returns) / group.samples
    variance = np.maximum(group.total(returns**2) / group.samples - mean**2, 0.0)
    naive = np.sqrt(variance) / HORIZON
    fitted = deconvolve(group, HORIZON, GRIDS, resampler, naive)
    interval = mean_interval(mean[:, None] / HORIZON, resampler)
    unbiased = variance * group.samples / (group.samples - 1) / HORIZON**2
    square = mean_interval(unbiased[:, None], resampler, 0.5)
    found = {
        "mean return": Statistic(
            float(mean.mean()), HORIZON * float(interval.low[0]), HORIZON * float(interval.high[0])
        ),
        "mean sigma/H": fitted.sigma,
        "median sigma/H": fitted.sigma_quantiles[0.5],
        "rms sigma/H": Statistic(
            float(unbiased.mean()) ** 0.5, float(square.low[0]) ** 0.5, float(square.high[0]) ** 0.5
        ),
    }
    for row in fitted.anticoncentration:
        found[f"c({row.at:g})"] = row.mean
        found[f"share c({row.at:g}) >= {GRIDS.c0:g}"] = row.share
    for row in fitted.reachable:
        found[f"c*({row.at:g})"] = row.mean
    each = pass_at_k(group.correct, group.samples, max(PASS_AT))
    measured = mean_interval(each, resampler)
    for k in PASS_AT:
        found[f"pass@{k}"] = Statistic(
            float(each[:, k - 1].mean()), float(measured.low[k - 1]), float(measured.high[k - 1])
        )
    if beyond:
        found.update(_extrapolated(group, resampler))
    return found


def _extrapolated(group: GroupCounts, resampler: Resampler) -> dict[str, Statistic]:
    most = largest_measured(group.samples)
    each = pass_at_k(group.correct, group.samples, most)[:, -1:]
    low, high = mean_interval(each, resampler)
    measured = Statistic(float(each.mean()), float(low[0]), float(high[0]))
    whole = extrapolate(group.correct, group.samples, np.array(BEYOND), measured, resampler)
    found = {}
    for index, k in enumerate(BEYOND):
        for name, law in (*((law.name, law) for law in whole.laws), ("envelope", whole)):
            found[f"pass@{k} {name}"] = Statistic(
                float(law.estimate[index]), float(law.low[index]), float(law.high[index])
            )
    return found


def coverage(
    population: str, prompts: int, samples: int, repetitions: int, extrapolated: int = 0
) -> dict[str, np.ndarray]:
    """Estimate, low and high of every repetition, shape (repetitions, 3), by statistic.

    What lies beyond the samples is costly and known not to be identified: only the first
    `extrapolated` repetitions have it.
    """
    rows: dict[str, list[Statistic]] = {}
    for repetition in range(repetitions):
        rng = np.random.default_rng([repetition, prompts, samples])
        group = sampled(population, prompts, samples, rng)
        for name, statistic in estimates(group, repetition, repetition < extrapolated).items():
            rows.setdefault(name, []).append(statistic)
    return {name: np.array(values) for name, values in rows.items()}


def summary(values: np.ndarray, truth: float) -> str:
    """Share of intervals that hold the truth, and the bias in units of the estimator's sd."""
    estimate, low, high = values.T
    held = float(np.mean((low <= truth) & (truth <= high)))
    bias = (float(estimate.mean()) - truth) / max(float(estimate.std()), 1e-12)
    return f"{held:.3f} ({bias:+.1f})"


def main() -> None:
    """Print a Markdown table a population: coverage, and bias in standard errors."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=400)
    parser.add_argument("--extrapolated", type=int, default=100)
    parser.add_argument("--populations", default=",".join(POPULATIONS))
    arguments = parser.parse_args()
    for population in arguments.populations.split(","):
        known = truths(population)
        columns = []
        start = time.perf_counter()
        for prompts, samples in DESIGNS:
            found = coverage(
                population, prompts, samples, arguments.repetitions, arguments.extrapolated
            )
            columns.append({name: summary(found[name], known[name]) for name in found})
            print(f"{population} {prompts}x{samples}: {columns[-1]}", file=sys.stderr, flush=True)
        seconds = time.perf_counter() - start
        header = " | ".join(f"{prompts}×{samples}" for prompts, samples in DESIGNS)
        print(f"\n{population}: {arguments.repetitions} repetitions a column, {seconds:.0f} s\n")
        print(f"| statistic | truth | {header} |\n|---|---|{'---|' * len(DESIGNS)}")
        for name, truth in known.items():
            if name in columns[0]:
                cells = " | ".join(column[name] for column in columns)
                print(f"| {name} | {truth:.4f} | {cells} |", flush=True)


if __name__ == "__main__":
    from verigap.cli.options import prepare_jax

    prepare_jax()
    main()
