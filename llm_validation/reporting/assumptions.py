"""Which assumptions of the theory and of the measurement a group of traces breaks."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
import polars as pl

from verigap.llm_validation.deciding.rule import FEWEST_MIXED
from verigap.llm_validation.fitting.counts import GroupCounts
from verigap.llm_validation.fitting.population import Coverage
from verigap.llm_validation.reporting.numbers import percent
from verigap.storage.units import LengthUnit

_FEW_PROMPTS = 20
_UNVERIFIED = 0.01
# Middle 80 % of the first-correct indices within this ratio: the return is two-valued in effect.
_CONSTANT = 1.25
_TINY_COVERAGE = 0.01
# Of the order of the samples: one false alarm in a thousand tables.
_ORDER_SDS = 3.29


class Assumption(NamedTuple):
    """One assumption that does not hold, or that the table cannot show to hold.

    Attributes:
      name: stable short name.
      status: "fails" or "unchecked".
      text: what is wrong and what it does to the numbers.
      remedy: what would mend it, "" where nothing would.
    """

    name: str
    status: Literal["fails", "unchecked"]
    text: str
    remedy: str = ""


def check_assumptions(
    rows: pl.DataFrame,
    counts: GroupCounts,
    coverage: Coverage | None,
    *,
    horizon: int | None,
    mixed: int,
    extrapolated: bool,
) -> list[Assumption]:
    """What fails for this group, the gravest first, then what cannot be checked.

    Args:
      rows: the canonical trace rows of the group.
      counts: its counts.
      coverage: c*(kappa) of the leash, fitted at the target budget; None without lengths.
      horizon: the target budget H; None without lengths.
      mixed: prompts with both correct and incorrect samples.
      extrapolated: whether the target budget is beyond the longest trace.
    """
    total, verified = rows.height, int(counts.samples.sum())
    found = [
        *_sampling(counts, mixed, (total - verified) / total),
        *(_rewards(counts, horizon, extrapolated) if horizon is not None else _no_lengths()),
        *(_coverage(counts, coverage) if coverage is not None else []),
        *_exchangeability(rows),
    ]
    return [*found, *_bi_level(counts)]


def _bi_level(counts: GroupCounts) -> list[Assumption]:
    """Whether a trace that is correct at one place stays correct."""
    status, lost = counts.bi_level
    if lost is not None:
        once, at_end = (percent(share) for share in lost.mean_correct)
        return [
            Assumption(
                "bi_level",
                "fails",
                f"{lost.lost} of {lost.correct} correct traces lose their right answer again: "
                f"{once} are correct at some place, which is what the returns count, and {at_end} "
                "at the end.",
                "Stop a trace where a verifier accepts it, or read its last answer only.",
            )
        ]
    if status == "holds":
        return []
    return [
        Assumption(
            "bi_level",
            "unchecked",
            "A trace that is correct at one place is taken to stay correct. One grade for a whole "
            "trace cannot show whether it would.",
        )
    ]


def _sampling(counts: GroupCounts, mixed: int, unverified: float) -> list[Assumption]:
    found = []
    if counts.prompts < _FEW_PROMPTS:
        found.append(
            Assumption(
                "few_prompts",
                "fails",
                f"Intervals resample prompts, and {counts.prompts} are too few to show how prompts "
                "differ.",
                f"Sample at least {_FEW_PROMPTS} prompts.",
            )
        )
    if mixed < FEWEST_MIXED:
        found.append(
            Assumption(
                "few_mixed_prompts",
                "fails",
                f"Only on prompts with both correct and incorrect samples can a choice among the "
                f"samples matter; there are {mixed}.",
                "Take prompts that the model solves sometimes, or more samples a prompt.",
            )
        )
    if int(np.median(counts.samples)) == 1:
        found.append(
            Assumption(
                "one_sample",
                "fails",
                "With one sample a prompt nothing shows how the samples of a prompt differ, so "
                "neither voting nor verifying can be measured.",
                "Take at least 8 samples a prompt.",
            )
        )
    if unverified > _UNVERIFIED:
        found.append(
            Assumption(
                "unverified",
                "fails",
                f"{percent(unverified)} of the samples could not be verified and are left out; "
                "that is harmless only if they are like the others.",
                "Verify them, or find out what sets them apart.",
            )
        )
    return found


def _no_lengths() -> list[Assumption]:
    return [
        Assumption(
            "no_lengths",
            "unchecked",
            "No sample has a length: nothing is said about budgets, tokens or returns, and "
            "accuracy is that of whole samples.",
            "Add the column n_tokens.",
        )
    ]


def _rewards(counts: GroupCounts, horizon: int, extrapolated: bool) -> list[Assumption]:
    found, unit = [], counts.unit
    correct = int(counts.correct.sum())
    if counts.correct_only_at_end:
        found.append(
            Assumption(
                "known_only_at_end",
                "fails",
                f"{percent(counts.correct_only_at_end / correct)} of the correct samples are only "
                "known to be correct at their end, so their returns are lower bounds.",
                f"Record the {unit.singular} at which each trace is first correct.",
            )
        )
    # Of some correct samples the place may be unknown.
    if placed := int(counts.count.sum()):
        order = np.argsort(counts.first_correct, kind="stable")
        share = np.cumsum(counts.count[order]) / placed
        low, high = (
            int(counts.first_correct[order][np.searchsorted(share, level)]) for level in (0.1, 0.9)
        )
        if high < _CONSTANT * low:
            found.append(
                Assumption(
                    "constant_hitting_times",
                    "fails",
                    f"Four of five correct samples are first correct between {low} and {high} "
                    f"{unit}. The return is then almost two-valued at every budget above that, and "
                    "no growth with the budget can show but H - T itself.",
                    "Use a task whose solutions come at different lengths.",
                )
            )
    if unit != LengthUnit.TOKENS:
        found.append(
            Assumption(
                "unit",
                "fails",
                f"Lengths are in {unit}, not in the tokens that a budget is paid in.",
                "Import with the model's tokenizer.",
            )
        )
    if extrapolated:
        found.append(
            Assumption(
                "extrapolated",
                "fails",
                f"The budget of {horizon:,} {unit} is beyond the longest trace: what the model "
                "would have written there is not in the table.",
                "Sample with a larger limit.",
            )
        )
    return found


def _coverage(counts: GroupCounts, row: Coverage) -> list[Assumption]:
    unsolved = int((counts.correct == 0).sum())
    tenth = row.quantiles[0.1]
    # NaN where no sample is correct: then nothing is covered either.
    if tenth >= _TINY_COVERAGE or (np.isnan(tenth) and unsolved == 0):
        return []
    share = "unknown" if np.isnan(tenth) else f"below {max(tenth, 1e-4):.2g}"
    return [
        Assumption(
            "tiny_coverage",
            "fails",
            f"{unsolved:,} of {counts.prompts:,} prompts have no correct sample; on a tenth of "
            f"the prompts the coverage c*({row.at:g}) is {share}. Bounds that divide by the "
            "smallest coverage say nothing there.",
            "More samples on the unsolved prompts, or leave them to a better base.",
        )
    ]


def _exchangeability(rows: pl.DataFrame) -> list[Assumption]:
    found = []
    settings = rows["sampling"].n_unique()
    if settings > 1:
        found.append(
            Assumption(
                "several_samplers",
                "fails",
                f"The samples come from {settings} sampling settings, and are treated as one "
                "policy's.",
                "Give each setting a model name of its own.",
            )
        )
    drift = order_drift(rows)
    if abs(drift) > _ORDER_SDS:
        found.append(
            Assumption(
                "not_exchangeable",
                "fails",
                f"{'Later' if drift > 0 else 'Earlier'} samples of a prompt are correct more often "
                f"({abs(drift):.1f} standard errors): the samples are not draws from one policy.",
                "Find out what changed while sampling.",
            )
        )
    return found


def order_drift(rows: pl.DataFrame) -> float:
    """Whether correctness goes with the sample number, in standard errors.

    The sum over prompts of the ranks of the correct samples, less its mean and over its sd when
    each prompt's samples are shuffled (Wilcoxon's rank sum, stratified by prompt); 0 where no
    prompt has both outcomes.
    """
    ranked = rows.filter(pl.col("correct").is_not_null()).select(
        "prompt_id",
        "correct",
        rank=pl.col("sample_id").rank("ordinal").over("prompt_id").cast(pl.Float64),
    )
    each = ranked.group_by("prompt_id").agg(
        n=pl.len().cast(pl.Float64),
        c=pl.col("correct").sum().cast(pl.Float64),
        total=pl.col("rank").filter("correct").sum(),
    )
    n, c = pl.col("n"), pl.col("c")
    excess, variance = each.select(
        (pl.col("total") - c * (n + 1) / 2).sum().alias("excess"),
        (c * (n - c) * (n + 1) / 12).sum().alias("variance"),
    ).row(0)
    return float(excess / variance**0.5) if variance > 0 else 0.0
