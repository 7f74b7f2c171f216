"""From traces to per-prompt reward laws at several budgets."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import polars as pl

from verigap.llm_validation.arguments import checked_horizons
from verigap.llm_validation.budgets import ChosenHorizons, chosen_horizons
from verigap.llm_validation.traces import PROMPT_KEY, Traces, nothing_verified, refuse_unplaced
from verigap.sim.sweeps.law_table import COLUMNS, LawTable
from verigap.storage.units import LengthUnit


@dataclass(frozen=True)
class LawsReport:
    """What went into a law table and what was left out of it.

    Attributes:
      prompts: prompts with a law.
      left_out: (dataset, model, prompt_id) of prompts without any verified sample, sorted.
      samples: verified samples behind the laws.
      unverified: samples that could not be verified, including those of prompts left out.
      correct_only_at_end: verified samples whose `first_correct` is only known to be at most the
        end of the trace; their returns are lower bounds.
      units: what budgets and returns count, sorted; several only if groups differ.
      horizons_chosen: the budgets of every group where none were given, and why these; else empty.
    """

    prompts: int
    left_out: tuple[tuple[str, str, str], ...]
    samples: int
    unverified: int
    correct_only_at_end: int
    units: tuple[LengthUnit, ...]
    horizons_chosen: tuple[ChosenHorizons, ...] = ()


class MeasuredLaws(NamedTuple):
    """A law table and the account of how it was made."""

    table: LawTable
    report: LawsReport


def reward_laws(traces: Traces, horizons: Iterable[int] | None = None) -> MeasuredLaws:
    """The empirical law of the return of each prompt at each budget, in the unit of the traces.

    At a budget of H a trace that is first correct at T returns (H - T + 1)_+, and 0 if it never is.
    Every verified sample of a prompt weighs the same; samples that could not be verified are left
    out and counted.

    Args:
      traces: the samples.
      horizons: distinct budgets H, each at least 1; every group counts them in its own unit. By
        default each group has its own, by its lengths, as in a diagnosis.

    Raises:
      TableError: a budget is not a positive whole number or comes twice, or no prompt has a
        verified sample.

    Example:
      >>> from verigap.llm_validation import read_traces, reward_laws
      >>> reward_laws(read_traces("examples/smollm2_products.parquet"), [64]).table.horizons
      (64,)
    """
    refuse_unplaced(traces)
    chosen = chosen_horizons(traces) if horizons is None else ()
    given = [] if horizons is None else checked_horizons(horizons)
    counts = traces.frame.group_by(PROMPT_KEY).agg(
        samples=pl.col("correct").count().cast(pl.Int64),
        unverified=pl.col("correct").null_count().cast(pl.Int64),
        unit=pl.col("unit").first(),
    )
    kept = counts.filter(pl.col("samples") > 0)
    if kept.height == 0:
        raise nothing_verified(traces.source)
    own = {(each.dataset, each.model): each.horizons for each in chosen}
    groups = kept.select("dataset", "model").unique()
    wanted = groups.with_columns(
        horizon=pl.Series(
            [own.get(group, given) for group in groups.iter_rows()], dtype=pl.List(pl.Int64)
        )
    ).explode("horizon")
    verified = traces.frame.filter(pl.col("correct").is_not_null())
    left = pl.col("horizon") - pl.col("first_correct") + 1
    atoms = (
        # Traces that are first correct at the same place share an atom at every budget, so they
        # are counted once before the budgets multiply the rows.
        verified.group_by(*PROMPT_KEY, "first_correct")
        .len("count")
        .join(wanted, on=["dataset", "model"])
        .with_columns(returns=left.clip(lower_bound=0).fill_null(0).cast(pl.Float64))
        .group_by(*PROMPT_KEY, "horizon", "returns")
        .agg(pl.col("count").sum())
        .join(kept, on=PROMPT_KEY)
        .with_columns(probabilities=pl.col("count") / pl.col("samples"))
    )
    laws = (
        atoms.sort("returns")
        .group_by(*PROMPT_KEY, "horizon", "samples", "unverified", "unit")
        .agg("returns", "probabilities")
    )
    left_out = counts.filter(pl.col("samples") == 0).select(PROMPT_KEY).sort(PROMPT_KEY)
    report = LawsReport(
        prompts=kept.height,
        left_out=tuple(left_out.iter_rows()),
        samples=verified.height,
        unverified=traces.num_unverified,
        correct_only_at_end=int(verified["first_correct_is_end"].sum()),
        units=tuple(map(LengthUnit, kept["unit"].unique().sort())),
        horizons_chosen=chosen,
    )
    return MeasuredLaws(LawTable(laws.select(COLUMNS), f"laws of {traces.source}"), report)
