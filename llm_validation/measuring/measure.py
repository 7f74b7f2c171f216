"""Measure cloning and verifying on the pools of a trace table: all behind `verigap measure`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from verigap.llm_validation.arguments import checked_data_budgets, checked_horizons, whole
from verigap.llm_validation.budgets import usual_horizons
from verigap.llm_validation.fitting.counts import GroupCounts, group_counts
from verigap.llm_validation.fitting.lost import UNCHECKED
from verigap.llm_validation.measuring.measurement import GroupMeasurement
from verigap.llm_validation.pools.drawn_prompts import MOST_PROMPTS, draw_prompts
from verigap.llm_validation.pools.features import features, hashed_words
from verigap.llm_validation.pools.leashes import chosen_leash
from verigap.llm_validation.pools.policy_values import Settings, halves, values_at
from verigap.llm_validation.pools.pools import LARGEST_POOL, SamplePools, verified_pools
from verigap.llm_validation.traces import Traces
from verigap.storage.progress import Progress

DATA = (16, 64, 256, 1024)
CANDIDATES = 8
SEEDS = 16
_FEW_PROMPTS = 20


def measure(
    traces: Traces,
    horizons: Iterable[int] | None = None,
    *,
    data_budgets: Iterable[int] | None = None,
    num_candidates: int | None = None,
    chi2_radius: float | None = None,
    kl_radius: float | None = None,
    seeds: int = SEEDS,
    seed: int = 0,
    most_prompts: int = MOST_PROMPTS,
    report: Callable[[Progress], None] | None = None,
) -> tuple[GroupMeasurement, ...]:
    """Values of cloning, verifying and their references on held-out prompts, one entry a group.

    Each seed splits the prompts into halves: learners see one and are scored on the other. Seeds
    come in pairs that swap the halves. The split is new for each pair, the data for each seed.

    Args:
      traces: the samples; every (dataset, model) is measured on its own.
      horizons: distinct budgets H in the unit of the traces, at least 1; by default about the
        median and the 90 % quantile of the group's lengths, and the sampling limit, or the longest
        trace where no limit is recorded.
      data_budgets: distinct n from 1 to 1,000,000, expert demonstrations and labelled traces alike;
        by default 16, 64, 256 and 1,024, as far as the training pools reach.
      num_candidates: N of best-of-N and of the vote, at least 1; 8 by default.
      chi2_radius: chi-square radius kappa of the ball of the expert and of both leashed policies,
        from 1e-6 to 1e6; 1 by default.
      kl_radius: in its place, the radius of a ball in KL divergence from the base, from 1e-6 to
        13.8 nats.
      seeds: repetitions, at least 2.
      seed: seed of the splits, the training data and the votes, at least 0; the same seed gives the
        same numbers.
      most_prompts: prompts of a group that are measured, drawn at random where there are more; a
        warning says so.
      report: called before each budget of each group, and at the end.

    Raises:
      TableError: an argument is out of range, or no sample was verified.

    Example:
      >>> from verigap.llm_validation.measuring.measure import measure
      >>> from verigap.llm_validation import read_traces
      >>> traces = read_traces("examples/smollm2_products.parquet")
      >>> (group,) = measure(traces, [64], data_budgets=[16], seeds=2)
      >>> means = {name: mean.item() for name, mean in group.means().items()}
      >>> means["base"] < means["expert"] < 64
      True
    """
    given = None if horizons is None else tuple(checked_horizons(horizons))
    amounts = None if data_budgets is None else checked_data_budgets(data_budgets)
    candidates = CANDIDATES if num_candidates is None else num_candidates
    shared = Settings(
        data_budgets=amounts or (),
        num_candidates=whole(candidates, "num_candidates", 1, 10**9),
        leash=chosen_leash(chi2_radius, kl_radius),
        seeds=whole(seeds, "seeds", 2, 10_000),
        seed=whole(seed, "seed", 0, 2**63 - 1),
    )
    plans = []
    drawn = draw_prompts(traces, most_prompts, shared.seed)
    for pools in map(drawn.marked, verified_pools(drawn.traces)):
        settings = replace(shared, data_budgets=amounts or default_data_budgets(pools))
        plans.append((pools, given or default_horizons(pools), settings))
    counts = {(each.dataset, each.model): each for each in group_counts(traces)}
    return _measure_groups(plans, counts, report or (lambda progress: None))


def _measure_groups(
    plans: Sequence[tuple[SamplePools, Sequence[int], Settings]],
    counts: Mapping[tuple[str, str], GroupCounts],
    report: Callable[[Progress], None],
) -> tuple[GroupMeasurement, ...]:
    """Measure each group at its budgets, and report before each budget and at the end."""
    total, measurements = sum(len(horizons) for _, horizons, _ in plans), []
    for pools, horizons, settings in plans:
        before = sum(len(group.horizons) for group in measurements)
        name = " ".join(part for part in (pools.dataset, pools.model) if part)

        def advance(done: int, before: int = before, name: str = name) -> None:
            report(Progress(before + done, total, doing=name))

        counted = counts[pools.dataset, pools.model]
        measurements.append(measure_group(pools, horizons, settings, advance, counted))
    report(Progress(total, total))
    return tuple(measurements)


def measure_group(
    pools: SamplePools,
    horizons: Sequence[int],
    settings: Settings,
    advance: Callable[[int], None] | None = None,
    counts: GroupCounts | None = None,
) -> GroupMeasurement:
    """Values of every policy on the pools of one (dataset, model).

    Args:
      pools: samples of at least one prompt.
      horizons: distinct budgets H in the unit of the pools, ascending.
      settings: what all budgets share.
      advance: called before each budget with the number of budgets done.
      counts: of all samples of the group, those without a verdict too.
    """
    train = halves(pools.prompts, seeds=settings.seeds, seed=settings.seed)
    hashed = hashed_words(pools)
    cells, names = [], {}
    for done, horizon in enumerate(horizons):
        if advance is not None:
            advance(done)
        phi = features(pools, horizon, hashed)
        names |= dict.fromkeys(phi.names)
        cells.append(values_at(pools, horizon, settings, phi, train))
    return GroupMeasurement.of(
        pools,
        settings,
        horizons,
        cells,
        warnings=[
            *([] if counts is None else counts.open_questions),
            *_warnings(pools, horizons, settings),
        ],
        features=tuple(names),
        bi_level=UNCHECKED if counts is None else counts.bi_level,
    )


def default_horizons(pools: SamplePools) -> tuple[int, ...]:
    """About the median and the 90 % quantile of the lengths, and the largest that they speak about.

    The last is the sampling limit where it is recorded, else the longest trace.
    """
    lengths = pools.n_tokens[np.isfinite(pools.n_tokens)]
    if lengths.size == 0:
        lengths = pools.first_correct[np.isfinite(pools.first_correct)]
    return usual_horizons(lengths, pools.reach, pools.limit)[0]


def default_data_budgets(pools: SamplePools) -> tuple[int, ...]:
    """The usual n, as far as half of the samples reach."""
    reach = int(pools.sizes.sum()) // 2
    return tuple(n for n in DATA if n <= max(reach, DATA[0]))


def _warnings(pools: SamplePools, horizons: Sequence[int], settings: Settings) -> list[str]:
    warnings = []
    samples = int(pools.sizes.sum())
    if pools.drawn_from is not None:
        warnings.append(
            f"{pools.prompts:,} of {pools.drawn_from:,} prompts with a verified sample were drawn "
            f"at random (seed {settings.seed}) and measured"
        )
    if pools.prompts == 1:
        warnings.append(
            "one prompt: no other is left to learn from, so cloning and verifying cannot be "
            "measured, and nothing has an interval"
        )
    elif pools.prompts < _FEW_PROMPTS:
        warnings.append(
            f"{pools.prompts} prompts: intervals are rough below {_FEW_PROMPTS} prompts"
        )
    if (pools.sizes == 1).all():
        warnings.append(
            "one sample a prompt: every policy gives that sample, so nothing can be said about "
            "how they differ"
        )
    elif not pools.correct.any():
        warnings.append(
            "no sample is correct: every policy is worth 0 on these pools, there is no expert to "
            "clone and nothing for a verifier to find; how they differ cannot be said"
        )
    elif pools.correct.sum() == samples:
        warnings.append(
            "every sample is correct: policies can only differ in how early their traces are "
            "correct, not in whether they are"
        )
    elif pools.mixed < _FEW_PROMPTS:
        warnings.append(
            f"{pools.mixed} prompts have both correct and incorrect samples: only there can "
            "policies differ in how often they are correct"
        )
    few = int((pools.sizes < settings.num_candidates).sum())
    if few:
        warnings.append(
            f"{few} prompts have fewer than N = {settings.num_candidates} samples: best-of-N and "
            "the vote use all they have"
        )
    if not (pools.answer >= 0).any():
        warnings.append("no sample has an answer: the vote is a random draw")
    if pools.correct_only_at_end:
        warnings.append(
            f"{pools.correct_only_at_end} correct samples are only known to be correct at their "
            "end; their returns are lower bounds"
        )
    if pools.beyond:
        warnings.append(
            f"{pools.beyond} samples beyond the first {LARGEST_POOL} of their prompt were left out"
        )
    if pools.left_out:
        warnings.append(f"{pools.left_out} prompts without a verified sample were left out")
    warnings += [
        f"H = {horizon} is beyond the longest trace ({pools.longest:g}): the model never used such "
        f"a budget, and values there only grow by the {pools.unit} left over"
        for horizon in horizons
        if horizon > pools.reach
    ]
    return warnings
