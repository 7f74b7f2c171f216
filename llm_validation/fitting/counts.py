"""Trace tables collapsed to what the fit needs: counts by prompt and by first-correct index."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import polars as pl
from jaxtyping import Float, Int

from verigap.llm_validation.fitting.lost import BiLevel, lost_correctness
from verigap.llm_validation.fitting.ungraded import UngradedBounds, ungraded_bounds
from verigap.llm_validation.traces import PROMPT_KEY, Traces
from verigap.storage.units import LengthUnit

_GROUP = ("dataset", "model")


@dataclass(frozen=True, eq=False, kw_only=True)
class GroupCounts:
    """The samples of one (dataset, model).

    Attributes:
      dataset, model: of the group.
      unit: what first-correct indices, budgets and returns count.
      prompt_ids: the P prompts with a verified sample, sorted.
      samples: verified samples of each, at least 1.
      unverified: samples of each that could not be verified.
      prompt: index of the prompt of each distinct (prompt, first-correct index).
      first_correct: the index (from 1, in `unit`).
      count: correct samples that share it.
      left_out: prompts without any verified sample.
      left_out_samples: their samples.
      correct_only_at_end: correct samples whose index is only known to be at most the end.
      unplaced: correct samples of each prompt of which nobody knows from where on they are.
      ungraded: what the ungraded samples leave open; None where there are none.
      lost: correct samples of each prompt whose last answer is wrong.
      end_unknown: correct samples of which nobody knows whether their last answer is correct.
    """

    dataset: str
    model: str
    unit: LengthUnit
    prompt_ids: tuple[str, ...]
    samples: Int[np.ndarray, " P"]
    unverified: Int[np.ndarray, " P"]
    prompt: Int[np.ndarray, " hits"]
    first_correct: Int[np.ndarray, " hits"]
    count: Int[np.ndarray, " hits"]
    left_out: int
    left_out_samples: int
    correct_only_at_end: int
    unplaced: Int[np.ndarray, " P"]
    ungraded: UngradedBounds | None
    lost: Int[np.ndarray, " P"]
    end_unknown: int

    @property
    def bi_level(self) -> BiLevel:
        """Whether correct traces stay correct, and both readings of "correct" where not."""
        lost = lost_correctness(self.correct, self.lost, self.samples)
        if lost is not None:
            return BiLevel("fails", lost)
        return BiLevel("unchecked" if self.end_unknown else "holds")

    @property
    def prompts(self) -> int:
        """P."""
        return len(self.prompt_ids)

    @property
    def open_questions(self) -> list[str]:
        """What a reader of any statistic must know of the verdicts, one line each."""
        found = [self.ungraded, self.bi_level.lost]
        return [statement.sentence() for statement in found if statement is not None]

    def total(self, per_hit: Float[np.ndarray, " hits"]) -> Float[np.ndarray, " P"]:
        """Sum over the correct samples of each prompt of a number given for each hit."""
        return np.bincount(self.prompt, self.count * per_hit, self.prompts)

    @cached_property
    def correct(self) -> Int[np.ndarray, " P"]:
        """Correct samples of each prompt."""
        return self.total(np.ones(self.count.size)).astype(np.int64) + self.unplaced

    def within(self, horizon: int) -> GroupCounts:
        """The same prompts with only the samples that are correct within a budget as hits."""
        kept = self.first_correct <= horizon
        return replace(
            self,
            prompt=self.prompt[kept],
            first_correct=self.first_correct[kept],
            count=self.count[kept],
            unplaced=np.zeros_like(self.unplaced),
        )


def first_samples(traces: Traces, number: int) -> Traces:
    """The `number` samples of each prompt with the smallest sample numbers."""
    rank = pl.col("sample_id").rank("ordinal").over(PROMPT_KEY)
    return Traces(traces.frame.filter(rank <= number), traces.source)


def group_counts(traces: Traces) -> tuple[GroupCounts, ...]:
    """Counts of every (dataset, model), sorted; groups without a verified sample have P = 0."""
    tallies = (
        traces.frame.lazy()
        .group_by(*PROMPT_KEY, "correct", "first_correct")
        .agg(
            count=pl.len().cast(pl.Int64),
            unit=pl.col("unit").first(),
            lost=(pl.col("correct") & ~pl.col("correct_at_end")).sum().cast(pl.Int64),
            end_unknown=(pl.col("correct") & pl.col("correct_at_end").is_null())
            .sum()
            .cast(pl.Int64),
            at_end=pl.col("first_correct_is_end").fill_null(value=False).sum().cast(pl.Int64),
        )
        .sort(PROMPT_KEY)
        .collect()
    )
    return tuple(
        _counts(str(dataset), str(model), rows)
        for (dataset, model), rows in tallies.group_by(_GROUP, maintain_order=True)
    )


def _by_prompt(rows: pl.DataFrame) -> pl.DataFrame:
    """One row a prompt of one group, in order, from its tallies."""
    known, correct = pl.col("correct").is_not_null(), pl.col("correct")
    return (
        rows.group_by("prompt_id", maintain_order=True)
        .agg(
            samples=pl.col("count").filter(known).sum(),
            unverified=pl.col("count").filter(~known).sum(),
            correct=pl.col("count").filter(correct).sum(),
            lost=pl.col("lost").sum(),
            unplaced=pl.col("count").filter(correct & pl.col("first_correct").is_null()).sum(),
        )
        .with_columns(left_out=pl.col("samples") == 0)
    )


def _counts(dataset: str, model: str, rows: pl.DataFrame) -> GroupCounts:
    """The counts of one group from its tallies."""
    prompts = _by_prompt(rows)
    kept = prompts.filter(~pl.col("left_out")).with_row_index("prompt")
    left = prompts.filter("left_out")
    right = rows.filter(pl.col("correct"), pl.col("first_correct").is_not_null())
    hits = right.join(kept.select("prompt_id", "prompt"), on="prompt_id")
    hits = hits.sort("prompt", "first_correct")
    return GroupCounts(
        dataset=dataset,
        model=model,
        unit=LengthUnit(rows["unit"][0]),
        prompt_ids=tuple(kept["prompt_id"].to_list()),
        samples=kept["samples"].to_numpy(),
        unverified=kept["unverified"].to_numpy(),
        prompt=hits["prompt"].to_numpy().astype(np.int64),
        first_correct=hits["first_correct"].to_numpy(),
        count=hits["count"].to_numpy(),
        left_out=left.height,
        left_out_samples=int(left["unverified"].sum()),
        correct_only_at_end=int(hits["at_end"].sum()),
        unplaced=kept["unplaced"].to_numpy(),
        ungraded=ungraded_bounds(
            prompts["correct"].to_numpy(),
            prompts["samples"].to_numpy(),
            prompts["unverified"].to_numpy(),
        ),
        lost=kept["lost"].to_numpy(),
        end_unknown=int(rows["end_unknown"].sum()),
    )
