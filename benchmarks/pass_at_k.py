"""Intervals of pass@k near the edges and beyond the samples, against truths that are known.

    python -m benchmarks.pass_at_k edges [--repetitions 400]
    python -m benchmarks.pass_at_k beyond [--repetitions 100]
    python -m benchmarks.pass_at_k tables TRACES.parquet ... [--repetitions 50]

`edges`: how often the interval of a measured pass@k holds the truth, with 15 to 50 prompts whose
mean accuracy is 0.8 to 0.98. `beyond`: how often that of pass@k at 4 and 30 times the samples does,
on laws of success that no fitted family holds. `tables`: the same on real tables with many samples
a prompt: N of them predict the share of prompts that all of them solve, on prompts drawn anew.
Errors, widths and interval scores (width, plus 40 times the distance of a truth left out) are in
points of pass@k.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy import special

from verigap.llm_validation.fitting.extrapolation import extrapolate
from verigap.llm_validation.fitting.pass_at_k import pass_at_k
from verigap.llm_validation.intervals import Resampler, Statistic, mean_interval

_REPLICATES = 1000
_CEILING_PROMPTS, _CEILING_SAMPLES, _CEILING_KS = (15, 25, 50), 16, (1, 2, 4, 8, 16)
_BEYOND_PROMPTS, _BEYOND_SAMPLES, _BEYOND_FACTORS = (30, 100), (8, 16), (4, 30)
_TABLE_SAMPLES, _TABLE_PROMPTS = (4, 8, 16), 100


class Population(NamedTuple):
    """A law of per-prompt success: draws of it, and its pass@k."""

    draw: Callable[[np.random.Generator, int], np.ndarray]
    solved: Callable[[float], float]


def beta(first: float, second: float) -> Population:
    """Beta law of success."""

    def solved(k: float) -> float:
        log = special.betaln(first, second + k) - special.betaln(first, second)
        return float(-np.expm1(log))

    return Population(lambda rng, prompts: rng.beta(first, second, prompts), solved)


def alike(success: float) -> Population:
    """Every prompt has the same success."""
    return Population(
        lambda _, prompts: np.full(prompts, success), lambda k: 1.0 - (1.0 - success) ** k
    )


def mixed(share: float, few: Population, rest: Population) -> Population:
    """A share of the prompts from one law, the rest from another."""
    return Population(
        lambda rng, prompts: np.where(
            rng.random(prompts) < share, few.draw(rng, prompts), rest.draw(rng, prompts)
        ),
        lambda k: share * few.solved(k) + (1.0 - share) * rest.solved(k),
    )


def logit_normal(centre: float, spread: float) -> Population:
    """Log odds of success are normal."""
    chance = special.expit(np.random.default_rng(0).normal(centre, spread, 200_000))
    return Population(
        lambda rng, prompts: special.expit(rng.normal(centre, spread, prompts)),
        lambda k: float(-np.expm1(k * np.log1p(-chance)).mean()),
    )


# Mean accuracy from 0.8 to 0.98.
CEILING = {
    "Beta(8, 2)": beta(8, 2),
    "Beta(18, 2)": beta(18, 2),
    "Beta(49, 1)": beta(49, 1),
    "Beta(1.6, 0.4)": beta(1.6, 0.4),
    "Beta(4.5, 0.5)": beta(4.5, 0.5),
    "Beta(4.9, 0.1)": beta(4.9, 0.1),
    "Beta(0.9, 0.1)": beta(0.9, 0.1),
    "5 % never, else Beta(30, 1)": mixed(0.05, alike(0), beta(30, 1)),
    "10 % never, else 0.9": mixed(0.1, alike(0), alike(0.9)),
    "2 % never, else always": mixed(0.02, alike(0), alike(1)),
    "8 % never, else always": mixed(0.08, alike(0), alike(1)),
    "15 % Beta(1, 3), else 0.97": mixed(0.15, beta(1, 3), alike(0.97)),
    "10 % 0.02, else Beta(20, 1)": mixed(0.1, alike(0.02), beta(20, 1)),
}
LAWS = {
    "Beta(2, 3)": beta(2, 3),
    "half Beta(18, 12), half Beta(6, 24)": mixed(0.5, beta(18, 12), beta(6, 24)),
    "Beta(0.4, 3)": beta(0.4, 3),
    "Beta(0.2, 2)": beta(0.2, 2),
    "half never, half Beta(2, 3)": mixed(0.5, alike(0), beta(2, 3)),
    "60 % never, else Beta(0.5, 5)": mixed(0.6, alike(0), beta(0.5, 5)),
    "log odds N(-3, 2)": logit_normal(-3, 2),
    "log odds N(-1, 3)": logit_normal(-1, 3),
    "30 % 0.003, else Beta(3, 2)": mixed(0.3, alike(0.003), beta(3, 2)),
    "all 0.002": alike(0.002),
    "90 % 0.001, else 0.3": mixed(0.9, alike(0.001), alike(0.3)),
    "Beta(9, 1)": beta(9, 1),
    "5 % never, else Beta(9, 1)": mixed(0.05, alike(0), beta(9, 1)),
}


class Scores(NamedTuple):
    """Of several intervals of one truth: error in points, coverage, width and interval score."""

    error: float
    covered: float
    width: float
    score: float

    @classmethod
    def of(cls, found: Iterable[Statistic], truth: float) -> Scores:
        """An end may miss by a thousandth of a point: truths near 1 round."""
        estimate, low, high = np.array(list(found)).T
        missed = np.maximum(low - truth, 0.0) + np.maximum(truth - high, 0.0)
        width = high - low
        return cls(
            100 * float(np.abs(estimate - truth).mean()),
            float((missed <= 1e-5).mean()),
            100 * float(width.mean()),
            100 * float((width + 40 * missed).mean()),
        )


def measured(
    correct: np.ndarray, samples: int, ks: tuple[int, ...], resampler: Resampler
) -> list[Statistic]:
    """pass@k within the samples."""
    each = pass_at_k(correct, np.full(correct.size, samples), max(ks))[:, np.array(ks) - 1]
    low, high = mean_interval(each, resampler)
    return [Statistic(*map(float, row)) for row in zip(each.mean(axis=0), low, high, strict=True)]


def beyond(
    correct: np.ndarray, samples: int, ks: tuple[int, ...], resampler: Resampler
) -> dict[str, list[Statistic]]:
    """pass@k beyond the samples, by law, and the headline."""
    (at_most,) = measured(correct, samples, (samples,), resampler)
    whole = extrapolate(correct, np.full(correct.size, samples), np.array(ks), at_most, resampler)
    named = {"headline": whole, **{law.name: law for law in whole.laws}}
    return {
        name: [
            Statistic(*map(float, row)) for row in zip(law.estimate, law.low, law.high, strict=True)
        ]
        for name, law in named.items()
    }


def edges(population: Population, prompts: int, repetitions: int) -> list[Scores]:
    """Scores of each k of measured pass@k near the ceiling."""
    rows = []
    for repetition in range(repetitions):
        rng = np.random.default_rng([repetition, prompts])
        correct = rng.binomial(_CEILING_SAMPLES, population.draw(rng, prompts))
        resampler = Resampler(prompts, repetition, _REPLICATES)
        rows.append(measured(correct, _CEILING_SAMPLES, _CEILING_KS, resampler))
    return [
        Scores.of(column, population.solved(k))
        for k, column in zip(_CEILING_KS, zip(*rows, strict=True), strict=True)
    ]


def laws(
    population: Population, prompts: int, samples: int, repetitions: int
) -> dict[int, dict[str, Scores]]:
    """Scores of each law by k beyond the samples; a law counts where it could be fitted."""
    ks = tuple(factor * samples for factor in _BEYOND_FACTORS)
    rows: dict[str, list[list[Statistic]]] = {}
    for repetition in range(repetitions):
        rng = np.random.default_rng([repetition, prompts, samples])
        correct = rng.binomial(samples, population.draw(rng, prompts))
        resampler = Resampler(prompts, repetition, _REPLICATES)
        for name, found in beyond(correct, samples, ks, resampler).items():
            rows.setdefault(name, []).append(found)
    return {
        k: {
            name: Scores.of((row[index] for row in found), population.solved(k))
            for name, found in rows.items()
        }
        for index, k in enumerate(ks)
    }


def table_scores(outcomes: np.ndarray, samples: int, repetitions: int) -> dict[str, Scores]:
    """Scores of predicting what all samples of a table solve from a few, on prompts drawn anew."""
    truth = float(outcomes.any(axis=1).mean())
    rows: dict[str, list[Statistic]] = {}
    for repetition in range(repetitions):
        rng = np.random.default_rng([repetition, samples])
        drawn = outcomes[rng.integers(0, len(outcomes), min(len(outcomes), _TABLE_PROMPTS))]
        correct = rng.permuted(drawn, axis=1)[:, :samples].sum(axis=1)
        resampler = Resampler(correct.size, repetition, _REPLICATES)
        for name, (found,) in beyond(correct, samples, (outcomes.shape[1],), resampler).items():
            rows.setdefault(name, []).append(found)
    return {name: Scores.of(found, truth) for name, found in rows.items()}


def _outcomes(path: Path) -> dict[str, np.ndarray]:
    """Whether each sample of each prompt is correct, by (dataset, model)."""
    import polars as pl

    from verigap.llm_validation import read_traces

    found = {}
    for (dataset, model), rows in read_traces(path).frame.group_by(
        "dataset", "model", maintain_order=True
    ):
        each = rows.group_by("prompt_id", maintain_order=True).agg(pl.col("correct"))
        found[f"{dataset} {model}"] = np.array(each["correct"].to_list())
    return found


def _average(scores: list[Scores]) -> Scores:
    return Scores(*np.mean(np.array(scores), axis=0).tolist())


def _show_edges(repetitions: int) -> None:
    print("| population | accuracy | prompts | " + " | ".join(f"pass@{k}" for k in _CEILING_KS))
    for name, population in CEILING.items():
        for prompts in _CEILING_PROMPTS:
            found = edges(population, prompts, repetitions)
            cells = " | ".join(f"{score.covered:.3f} ({score.width:.1f})" for score in found)
            print(f"| {name} | {population.solved(1):.2f} | {prompts} | {cells} |", flush=True)


def _show_scores(rows: list[dict[str, Scores]]) -> str:
    """One cell a law, averaged over the rows that have it."""
    names = dict.fromkeys(name for row in rows for name in row)
    averages = {name: _average([row[name] for row in rows if name in row]) for name in names}
    return " | ".join(
        f"{name}: {score.error:.1f}, {score.covered:.3f}, {score.width:.0f}, {score.score:.0f}"
        for name, score in averages.items()
    )


def _show_beyond(repetitions: int) -> None:
    everything = []
    print("law: error, coverage, width, score, in points but for the coverage")
    for name, population in LAWS.items():
        for samples in _BEYOND_SAMPLES:
            for prompts in _BEYOND_PROMPTS:
                for k, row in laws(population, prompts, samples, repetitions).items():
                    everything.append(row)
                    head = f"| {name} | {prompts}×{samples} | {k} | {population.solved(k):.3f} |"
                    print(head, _show_scores([row]), "|", flush=True)
    print("all:", _show_scores(everything))


def _show_tables(paths: list[Path], repetitions: int) -> None:
    everything: dict[int, list[dict[str, Scores]]] = {}
    print("law: error, coverage, width, score, in points but for the coverage")
    for path in paths:
        for name, outcomes in _outcomes(path).items():
            for samples in _TABLE_SAMPLES:
                row = table_scores(outcomes, samples, repetitions)
                everything.setdefault(samples, []).append(row)
                print(f"| {name} | {samples} of {outcomes.shape[1]} |", _show_scores([row]), "|")
    for samples, rows in everything.items():
        print(f"all, {samples} samples:", _show_scores(rows), flush=True)


def main() -> None:
    """Print one of the three campaigns."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("campaign", choices=("edges", "beyond", "tables"))
    parser.add_argument("tables", nargs="*", type=Path)
    parser.add_argument("--repetitions", type=int)
    chosen = parser.parse_args()
    if chosen.campaign == "edges":
        _show_edges(chosen.repetitions or 400)
    elif chosen.campaign == "beyond":
        _show_beyond(chosen.repetitions or 100)
    else:
        _show_tables(chosen.tables, chosen.repetitions or 50)


if __name__ == "__main__":
    main()
