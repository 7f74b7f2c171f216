"""How often 95 % intervals of `verigap measure` hold the expected gap, where it is known.

    python -m benchmarks.gap_coverage [--repetitions 300] [--populations even,hard]

Each repetition draws new prompts, new samples, new splits and new training data. The truth comes
from learners trained on half as many fresh prompts, as a split leaves, and scored on 200 others.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable

import numpy as np

from verigap.llm_validation.intervals import Statistic
from verigap.llm_validation.measuring.measurement import GroupMeasurement
from verigap.llm_validation.pools.features import features
from verigap.llm_validation.pools.leashes import CHI2_1
from verigap.llm_validation.pools.policy_values import Settings, halves, values_at
from verigap.llm_validation.pools.pools import SamplePools
from verigap.storage.units import LengthUnit

HORIZON = 64
DATA = (16, 64, 256)
DESIGNS = ((20, 16), (100, 16))
SEEDS = 16
_WRONG = 12
_TESTED = 200
_TRUTHS = 150

Success = Callable[[np.random.Generator, int], np.ndarray]
POPULATIONS: dict[str, Success] = {
    "even": lambda rng, prompts: rng.beta(2, 3, prompts),
    "hard": lambda rng, prompts: rng.beta(0.3, 3, prompts),
}


def sampled(population: str, prompts: int, samples: int, rng: np.random.Generator) -> SamplePools:
    """Pools of one table: correct traces tend to agree, to be short, and to score higher."""
    success = POPULATIONS[population](rng, prompts)[:, None]
    shape = (prompts, samples)
    correct = rng.random(shape) < success
    length = np.exp(rng.normal(3.4, 0.3, shape) + np.where(correct, -0.15, 0.15))
    length = np.ceil(length * np.exp(rng.normal(0, 0.2, (prompts, 1))))
    # Wrong answers are of few kinds, the first of them the commonest.
    wrong = np.minimum(rng.geometric(rng.uniform(0.1, 0.5, (prompts, 1)), shape), _WRONG)
    return SamplePools(
        dataset=population,
        model="",
        unit=LengthUnit.TOKENS,
        prompt_ids=tuple(map(str, range(prompts))),
        mask=np.ones(shape, bool),
        ends_correct=correct,
        correct=correct,
        first_correct=np.where(correct, np.ceil(0.8 * length), np.inf),
        n_tokens=length,
        answer=np.where(correct, 0, wrong),
        verifier_score=np.full(shape, np.nan),
        logprob=np.where(correct, 0.5, 0.0) + rng.normal(size=shape),
        text=None,
        unverified=0,
        left_out=0,
        beyond=0,
        correct_only_at_end=0,
    )


def measured(pools: SamplePools, seed: int, train: np.ndarray | None = None) -> GroupMeasurement:
    """What `verigap measure` measures; all seeds train on the given prompts if there are some."""
    settings = Settings(
        data_budgets=DATA,
        num_candidates=8,
        leash=CHI2_1,
        seeds=SEEDS if train is None else len(train),
        seed=seed,
    )
    split = halves(pools.prompts, seeds=SEEDS, seed=seed) if train is None else train
    values = values_at(pools, HORIZON, settings, features(pools, HORIZON), split)
    return GroupMeasurement.of(pools, settings, (HORIZON,), [values])


def truths(
    population: str,
    prompts: int,
    samples: int,
    repetitions: int = _TRUTHS,
    tested: int = _TESTED,
    seeds: int = 4,
) -> dict[str, np.ndarray]:
    """Expected leashed and unleashed gap and its standard error, shape (data, 2)."""
    found: dict[str, list[np.ndarray]] = {"leashed": [], "unleashed": []}
    half = prompts // 2
    for repetition in range(repetitions):
        rng = np.random.default_rng([repetition, prompts, samples, 1])
        pools = sampled(population, half + tested, samples, rng)
        train = np.tile(np.arange(pools.prompts) < half, (seeds, 1))
        means = measured(pools, repetition, train).means()
        found["leashed"].append((means["verify_leashed"] - means["clone_leashed"])[0])
        found["unleashed"].append((means["verify"] - means["clone"])[0])
    return {
        name: np.stack([np.mean(rows, axis=0), np.std(rows, axis=0) / len(rows) ** 0.5], axis=1)
        for name, rows in found.items()
    }


def coverage(
    population: str, prompts: int, samples: int, repetitions: int
) -> dict[str, np.ndarray]:
    """Estimate, low and high of every repetition, shape (repetitions, data, 3)."""
    found: dict[str, list[list[Statistic]]] = {"leashed": [], "unleashed": []}
    for repetition in range(repetitions):
        rng = np.random.default_rng([repetition, prompts, samples])
        group = measured(sampled(population, prompts, samples, rng), repetition)
        for name, rows in found.items():
            gap = group.gap(leashed=name == "leashed", replicates=1000)
            rows.append([gap[HORIZON, n] for n in DATA])
    return {name: np.array(rows) for name, rows in found.items()}


def main() -> None:
    """Print a Markdown table: coverage of each gap, and its bias in standard errors."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=300)
    parser.add_argument("--populations", default=",".join(POPULATIONS))
    arguments = parser.parse_args()
    print(f"| population | prompts × samples | gap | {' | '.join(f'n = {n}' for n in DATA)} |")
    print(f"|---|---|---|{'---|' * len(DATA)}", flush=True)
    for population in arguments.populations.split(","):
        for prompts, samples in DESIGNS:
            start = time.perf_counter()
            known = truths(population, prompts, samples)
            middle = time.perf_counter()
            found = coverage(population, prompts, samples, arguments.repetitions)
            print(f"{middle - start:.0f} + {time.perf_counter() - middle:.0f} s", file=sys.stderr)
            for name, values in found.items():
                estimate, low, high = np.moveaxis(values, 2, 0)
                truth = known[name][:, 0]
                held = ((low <= truth) & (truth <= high)).mean(axis=0)
                bias = (estimate.mean(axis=0) - truth) / estimate.std(axis=0)
                cells = " | ".join(
                    f"{share:.3f} ({shift:+.1f}; {gap:+.2f})"
                    for share, shift, gap in zip(held, bias, truth, strict=True)
                )
                print(f"| {population} | {prompts}×{samples} | {name} | {cells} |", flush=True)


if __name__ == "__main__":
    from verigap.cli.options import prepare_jax

    prepare_jax()
    main()
