"""Measure cloning and verifying on the pools of a trace table: all behind `verigap measure`."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from verigap.llm_validation.arguments import checked_budgets, checked_data, whole
from verigap.llm_validation.fitting.counts import group_counts
from verigap.llm_validation.measuring.measurement import GroupMeasurement
from verigap.llm_validation.pools.features import features, hashed_words
from verigap.llm_validation.pools.policy_values import Settings, halves, values_at
from verigap.llm_validation.pools.pools import LARGEST_POOL, SamplePools, verified_pools
from verigap.llm_validation.traces import Traces
from verigap.storage.progress import Progress
from verigap.storage.tables import TableError

DATA = (16, 64, 256, 1024)
CANDIDATES = 8
SEEDS = 16
_UNKNOWN_LENGTHS = 64
_FEW_PROMPTS = 20


def measure(
    traces: Traces,
    horizons: Iterable[int] | None = None,
    data: Iterable[int] | None = None,
    candidates: int | None = None,
    radius: float = 1.0,
    seeds: int = SEEDS,
    seed: int = 0,
    report: Callable[[Progress], None] | None = None,
) -> tuple[GroupMeasurement, ...]:
    """Values of cloning, verifying and their references on held-out prompts, one entry a group.

    Each seed splits the prompts into halves: learners see one and are scored on the other. Seeds
    come in pairs that swap the halves. The split is new for each pair, the data for each seed.

    Args:
      traces: the samples; every (dataset, model) is measured on its own.
      horizons: distinct budgets H; by default about the median and the 90 % quantile of
        the group's lengths, and twice the latter.
      data: distinct n, expert demonstrations and labelled traces alike; by default 16, 64, 256 and
        1,024, as far as the training pools reach.
      candidates: N of best-of-N and of the vote; 8 by default.
      radius: chi-square leash kappa, of the expert and of both leashed policies.
      seeds: repetitions, at least 2.
      seed: of all randomness, at least 0; the same seed gives the same numbers.
      report: called before each budget of each group.

    Raises:
      TableError: an argument is out of range, or no sample was verified.
    """
    budgets = None if horizons is None else tuple(checked_budgets(horizons))
    amounts = None if data is None else checked_data(data)
    chosen = CANDIDATES if candidates is None else whole(candidates, "num_candidates", 1, 10**9)
    if not (math.isfinite(radius) and 0 < radius <= 1e6):
        raise TableError(
            f"chi2_radius: {radius!r} is out of range; give a number above 0, at most 1e6"
        )
    seeds = whole(seeds, "seeds", 2, 10_000)
    seed = whole(seed, "seed", 0, 2**63 - 1)
    plans = [
        (
            pools,
            budgets or default_horizons(pools),
            Settings(amounts or default_data(pools), chosen, radius, seeds, seed),
        )
        for pools in verified_pools(traces)
    ]
    open_questions = {
        (counts.dataset, counts.model): counts.open_questions for counts in group_counts(traces)
    }
    total, found = sum(len(horizons) for _, horizons, _ in plans), []
    for pools, own_budgets, settings in plans:
        before = sum(len(group.horizons) for group in found)
        name = " ".join(part for part in (pools.dataset, pools.model) if part)

        def advance(done: int, before: int = before, name: str = name) -> None:
            if report is not None:
                report(Progress(before + done, total, 0, name))

        notes = open_questions[pools.dataset, pools.model]
        found.append(measure_group(pools, own_budgets, settings, notes, advance))
    if report is not None:
        report(Progress(total, total, 0))
    return tuple(found)


def measure_group(
    pools: SamplePools,
    horizons: Sequence[int],
    settings: Settings,
    notes: Sequence[str] = (),
    advance: Callable[[int], None] | None = None,
) -> GroupMeasurement:
    """Values of every policy on the pools of one (dataset, model).

    Args:
      pools: samples of at least one prompt.
      horizons: distinct budgets H, ascending.
      settings: what all budgets share.
      notes: warnings that come before those of the measurement.
      advance: called before each budget with how many are done.
    """
    train, hashed = halves(pools.prompts, settings), hashed_words(pools)
    cells, names = [], {}
    for done, horizon in enumerate(horizons):
        if advance is not None:
            advance(done)
        phi = features(pools, horizon, hashed)
        names |= dict.fromkeys(phi.names)
        cells.append(values_at(pools, horizon, settings, phi, train))
    notes = [*notes, *_warnings(pools, tuple(horizons), settings)]
    return GroupMeasurement.of(
        pools, settings, horizons, cells, warnings=notes, features=tuple(names)
    )


def default_horizons(pools: SamplePools) -> tuple[int, ...]:
    """About the median and the 90 % quantile of the lengths, and twice the latter.

    The first two are not rounded past the longest trace: it is they that a verdict is about.
    """
    lengths = pools.n_tokens[np.isfinite(pools.n_tokens)]
    if lengths.size == 0:
        lengths = pools.first_correct[pools.correct]
    if lengths.size == 0:
        return (_UNKNOWN_LENGTHS,)
    median, most = np.quantile(lengths, [0.5, 0.9])
    reach = max(1, int(pools.longest))
    within = {min(_rounded(end), reach) for end in (median, most)}
    return tuple(sorted(within | {_rounded(2 * most)}))


def _rounded(length: float) -> int:
    return max(8, 8 * math.ceil(length / 8))


def default_data(pools: SamplePools) -> tuple[int, ...]:
    """The usual n, as far as half of the samples reach."""
    reach = int(pools.sizes.sum()) // 2
    return tuple(n for n in DATA if n <= max(reach, DATA[0]))


def _warnings(pools: SamplePools, horizons: tuple[int, ...], settings: Settings) -> list[str]:
    found = []
    samples = int(pools.sizes.sum())
    if pools.prompts == 1:
        found.append(
            "one prompt: no other is left to learn from, so cloning and verifying cannot be "
            "measured, and nothing has an interval"
        )
    elif pools.prompts < _FEW_PROMPTS:
        found.append(f"{pools.prompts} prompts: intervals are rough below {_FEW_PROMPTS} prompts")
    if (pools.sizes == 1).all():
        found.append(
            "one sample a prompt: every policy gives that sample, so nothing can be said about "
            "how they differ"
        )
    elif not pools.correct.any():
        found.append(
            "no sample is correct: every policy is worth 0 on these pools, there is no expert to "
            "clone and nothing for a verifier to find; how they differ cannot be said"
        )
    elif pools.correct.sum() == samples:
        found.append(
            "every sample is correct: policies can only differ in how early their traces are "
            "correct, not in whether they are"
        )
    elif pools.mixed < _FEW_PROMPTS:
        found.append(
            f"{pools.mixed} prompts have both correct and incorrect samples: only there can "
            "policies differ in how often they are correct"
        )
    few = int((pools.sizes < settings.candidates).sum())
    if few:
        found.append(
            f"{few} prompts have fewer than N = {settings.candidates} samples: best-of-N and the "
            "vote use all they have"
        )
    if not (pools.answer >= 0).any():
        found.append("no sample has an answer: the vote is a random draw")
    if pools.correct_only_at_end:
        found.append(
            f"{pools.correct_only_at_end} correct samples are only known to be correct at their "
            "end; their returns are lower bounds"
        )
    if pools.beyond:
        found.append(
            f"{pools.beyond} samples beyond the first {LARGEST_POOL} of their prompt were left out"
        )
    if pools.left_out:
        found.append(f"{pools.left_out} prompts without a verified sample were left out")
    found += [
        f"H = {horizon} is beyond the longest trace ({pools.longest:g}): the model never used such "
        f"a budget, and values there only grow by the {pools.unit} left over"
        for horizon in horizons
        if horizon > pools.longest
    ]
    return found
