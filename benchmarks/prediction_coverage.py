"""How often 95 % intervals of `verigap predict` hold the gap that they predict, where it is known.

    python -m benchmarks.prediction_coverage [--populations even,hard]

Each repetition draws new prompts and new samples of them. Relabelling: d is given, and the truth is
the game's gap, averaged over many tables; of the very pools (a pool is the base policy), and of
pools with many more samples, which shows what plugging few samples in costs. Parametric: the truth
is the expected gap of the learners themselves, as in `benchmarks.gap_coverage`; the two smaller n
are the calibration slice. Plain is the parametric prediction before its correction.
"""

from __future__ import annotations

import argparse
import sys
import time

import numpy as np

from benchmarks.gap_coverage import DATA, DESIGNS, HORIZON, POPULATIONS, measured, sampled, truths
from verigap.llm_validation.intervals import Resampler, Statistic
from verigap.llm_validation.measuring.measurement import GroupMeasurement
from verigap.llm_validation.pools.leashes import CHI2_1
from verigap.llm_validation.pools.pools import SamplePools
from verigap.llm_validation.predicting.calibration import Slice, calibration_slice
from verigap.llm_validation.predicting.correction import corrected
from verigap.llm_validation.predicting.draws import Assumptions, statistic
from verigap.llm_validation.predicting.group_laws import GroupLaws, padded_law
from verigap.llm_validation.predicting.parametric import parametric_draws
from verigap.llm_validation.predicting.predict import Options, predict_group
from verigap.llm_validation.predicting.relabelling import predicted_draws

CLASS_SIZE = 40.0
_GAMES, _PARAMETRIC = 40, 200
_TRUTH_PROMPTS = 128
_MANY_SAMPLES = 1024
_TRUTHS = 100
_GAME_TRUTHS = 100
# Tokens: where everything is known the gap is 0 but for rounding, and so are its intervals.
_ROUNDING = 1e-6


def laws_of(pools: SamplePools) -> GroupLaws:
    """The laws of the pools themselves."""
    rows = [np.unique(row, return_counts=True) for row in pools.returns(HORIZON)]
    law = padded_law(
        [values.tolist() for values, _ in rows],
        [(counts / counts.sum()).tolist() for _, counts in rows],
        HORIZON,
    )
    samples = int(np.median(pools.sizes))
    return GroupLaws(
        dataset=pools.dataset,
        model="",
        unit=pools.unit,
        prompt_ids=pools.prompt_ids,
        samples=samples,
        laws={HORIZON: law},
        longest=None,
    )


def table(
    population: str, prompts: int, samples: int, repetition: int
) -> tuple[SamplePools, GroupMeasurement]:
    """Pools of one table, and the slice of their measurement."""
    rng = np.random.default_rng([repetition, prompts, samples])
    pools = sampled(population, prompts, samples, rng)
    return pools, calibration_slice(measured(pools, repetition))


def game_truth(population: str, samples: int) -> np.ndarray:
    """The game's gap at every n, averaged over many tables: that of one depends on its prompts."""
    given = Assumptions(leash=CHI2_1, log2_class_size=CLASS_SIZE, num_candidates=8)
    gaps = []
    for repetition in range(_GAME_TRUTHS):
        rng = np.random.default_rng([repetition, samples, 2])
        laws = laws_of(sampled(population, _TRUTH_PROMPTS, samples, rng))
        resampler = Resampler(_TRUTH_PROMPTS, 0, 1)
        gaps.append(predicted_draws(laws, given, DATA, resampler, repetition).gap()[0, 0])
    return np.mean(gaps, axis=0)


def played(population: str, prompts: int, samples: int, repetition: int) -> list[Statistic]:
    """Gaps of the relabelling game with the class size given."""
    rng = np.random.default_rng([repetition, prompts, samples, 3])
    laws = laws_of(sampled(population, prompts, samples, rng))
    found = predict_group(laws, DATA, Options(log2_class_size=CLASS_SIZE, seed=repetition))
    return [cell.gap for cell in found.cells]


def parametric(
    population: str, prompts: int, samples: int, repetition: int
) -> dict[str, list[Statistic]]:
    """Gaps of the parametric predictor, "parametric, plain" before the slice corrects it."""
    pools, seen = table(population, prompts, samples, repetition)
    resampler = Resampler(prompts, repetition, 1000)
    plain = parametric_draws(pools, (HORIZON,), DATA, 8, CHI2_1, resampler, repetition)
    known = Slice.of(seen, pools.prompt_ids, resampler)
    full = corrected(plain, (HORIZON,), DATA, known)
    return {
        name: [statistic(draws.gap()[:, 0, index]) for index in range(len(DATA))]
        for name, draws in (("parametric, plain", plain), ("parametric", full))
    }


def row(head: str, intervals: list[list[Statistic]], truth: np.ndarray) -> str:
    """One Markdown row: share of intervals that hold the truth, bias in sds, and the truth."""
    estimate, low, high = np.moveaxis(np.array(intervals), 2, 0)
    held = ((low - _ROUNDING <= truth) & (truth <= high + _ROUNDING)).mean(axis=0)
    bias = (estimate.mean(axis=0) - truth) / estimate.std(axis=0)
    cells = " | ".join(
        f"{share:.2f} ({shift:+.1f}; {round(gap, 2) + 0.0:+.2f})"
        for share, shift, gap in zip(held, bias, truth, strict=True)
    )
    return f"| {head} | {cells} |"


def main() -> None:
    """Print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--populations", default=",".join(POPULATIONS))
    arguments = parser.parse_args()
    print(f"| population | prompts × samples | gap | {' | '.join(f'n = {n}' for n in DATA)} |")
    print(f"|---|---|---|{'---|' * len(DATA)}", flush=True)
    for population in arguments.populations.split(","):
        start = time.perf_counter()
        endless = game_truth(population, _MANY_SAMPLES)
        for prompts, samples in DESIGNS:
            design = (population, prompts, samples)
            head = f"{population} | {prompts}×{samples} |"
            known = truths(*design, _TRUTHS)["leashed"][:, 0]
            many = [parametric(*design, each) for each in range(_PARAMETRIC)]
            for name in many[0]:
                print(row(f"{head} {name}", [each[name] for each in many], known), flush=True)
            games = [played(*design, each) for each in range(_GAMES)]
            print(row(f"{head} relabelling, of the pools", games, game_truth(population, samples)))
            print(row(f"{head} relabelling, of the model", games, endless), flush=True)
            print(f"{design}: {time.perf_counter() - start:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    from verigap.cli.options import prepare_jax

    prepare_jax()
    main()
