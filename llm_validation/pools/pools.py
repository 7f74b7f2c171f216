"""The samples of each prompt as a pool, padded to one shape: all that policies may choose from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from jaxtyping import Bool, Float, Int

from verigap.llm_validation.answers import canonical_answer
from verigap.llm_validation.budgets import sampling_limit
from verigap.llm_validation.traces import (
    Traces,
    nothing_verified,
    refuse_unplaced,
)
from verigap.storage.units import LengthUnit

LARGEST_POOL = 512
"""Samples of a prompt that enter its pool; more would cost time and show little more."""


@dataclass(frozen=True, eq=False, kw_only=True)
class SamplePools:
    """The verified samples of one (dataset, model), one row a prompt, padded at the end of a row.

    Attributes:
      dataset, model: of the group.
      unit: what lengths, budgets and returns count.
      prompt_ids: the P prompts with a verified sample, sorted.
      mask: whether there is a sample.
      correct: whether it is correct.
      ends_correct: whether it is correct and keeps its right answer to the end; as `correct` where
        the table does not say.
      first_correct: from which place on; infinite for never, NaN for a correct sample of which
        nobody knows (see `sample_pools`).
      n_tokens: length; NaN where it is unknown.
      answer: a number for each distinct answer of a prompt, -1 for none.
      verifier_score, logprob: as in the table; NaN where there is none.
      text: of the sample, "" where there is none; None where no sample of the group has one.
      unverified: samples that could not be verified, in no pool.
      left_out: prompts without a verified sample.
      beyond: verified samples beyond the first `LARGEST_POOL` of their prompt, in no pool.
      correct_only_at_end: correct samples whose index is only known to be at most the end.
      limit: tokens at which sampling stopped every sample of the group, as the table's `sampling`
        records it; None where it does not, or where samples had different limits.
      drawn_from: prompts with a verified sample of which these were drawn at random; None where
        these are all.
    """

    dataset: str
    model: str
    unit: LengthUnit
    prompt_ids: tuple[str, ...]
    mask: Bool[np.ndarray, "P K"]
    correct: Bool[np.ndarray, "P K"]
    ends_correct: Bool[np.ndarray, "P K"]
    first_correct: Float[np.ndarray, "P K"]
    n_tokens: Float[np.ndarray, "P K"]
    answer: Int[np.ndarray, "P K"]
    verifier_score: Float[np.ndarray, "P K"]
    logprob: Float[np.ndarray, "P K"]
    text: np.ndarray | None
    unverified: int
    left_out: int
    beyond: int
    correct_only_at_end: int
    limit: int | None = None
    drawn_from: int | None = None

    @property
    def prompts(self) -> int:
        """P."""
        return len(self.prompt_ids)

    @property
    def sizes(self) -> Int[np.ndarray, " P"]:
        """Samples of each prompt, at least 1."""
        return self.mask.sum(axis=1)

    @property
    def solved(self) -> Int[np.ndarray, " P"]:
        """Correct samples of each prompt."""
        return (self.correct & self.mask).sum(axis=1)

    @property
    def mixed(self) -> int:
        """Prompts with both correct and incorrect samples."""
        return int(((self.solved > 0) & (self.solved < self.sizes)).sum())

    @property
    def expert_share(self) -> float:
        """Share of prompts whose pool holds a success, so that an expert can show one."""
        return float((self.solved > 0).mean())

    @property
    def longest(self) -> float:
        """Length of the longest trace; NaN where no length is known."""
        known = np.concatenate([self.n_tokens.ravel(), self.first_correct[self.correct]])
        known = known[np.isfinite(known)]
        return float(known.max()) if known.size else float("nan")

    @property
    def reach(self) -> float:
        """The largest budget that these samples speak about: the limit, or the longest trace."""
        return self.longest if self.limit is None else max(float(self.limit), self.longest)

    def returns(self, horizon: float) -> Float[np.ndarray, "P K"]:
        """(H - T + 1)_+ at a budget of H; 0 on the padding."""
        return np.maximum(horizon - self.first_correct + 1.0, 0.0)

    def finished(self, horizon: float) -> Bool[np.ndarray, "P K"]:
        """Whether the trace ends within H, or nobody knows how long it is."""
        return self.mask & ~(self.n_tokens > horizon)


def sample_pools(traces: Traces, *, placed: bool = True) -> tuple[SamplePools, ...]:
    """Pools of every (dataset, model), sorted; P = 0 where no sample could be verified.

    Args:
      traces: the samples.
      placed: whether every correct sample must have a place from which on it is correct. Accuracy
        needs none; returns do.

    Raises:
      TableError: a correct sample has neither `first_correct` nor a length, and `placed` asks for
        one.

    Example:
      >>> from verigap.llm_validation import read_traces
      >>> from verigap.llm_validation.pools import sample_pools
      >>> (pools,) = sample_pools(read_traces("examples/smollm2_products.parquet"))
      >>> pools.prompts, int(pools.sizes.sum())
      (32, 1024)
    """
    if placed:
        refuse_unplaced(traces)
    groups = traces.frame.sort("dataset", "model", "prompt_id", "sample_id").partition_by(
        "dataset", "model", maintain_order=True
    )
    return tuple(_pools(group) for group in groups)


def verified_pools(traces: Traces) -> tuple[SamplePools, ...]:
    """Pools of every (dataset, model) with a verified sample.

    Raises:
      TableError: there is none.
    """
    verified = tuple(pools for pools in sample_pools(traces) if pools.prompts)
    if not verified:
        raise nothing_verified(traces.source)
    return verified


def _pools(rows: pl.DataFrame) -> SamplePools:
    verified = rows.filter(pl.col("correct").is_not_null()).with_columns(
        slot=pl.int_range(pl.len()).over("prompt_id"),
        prompt=pl.col("prompt_id").rle_id(),
    )
    kept = verified.filter(pl.col("slot") < LARGEST_POOL)
    prompt, slot = kept["prompt"].to_numpy(), kept["slot"].to_numpy()
    prompt_ids = tuple(kept["prompt_id"].unique(maintain_order=True).to_list())
    shape = (len(prompt_ids), int(slot.max()) + 1 if kept.height else 0)

    def padded(values: np.ndarray, fill: Any) -> np.ndarray:
        table = np.full(shape, fill, np.asarray(values).dtype)
        table[prompt, slot] = values
        return table

    def reals(name: str) -> np.ndarray:
        return kept[name].cast(pl.Float64).fill_null(float("nan")).to_numpy()

    correct = kept["correct"].to_numpy().astype(bool)
    first = np.where(correct, reals("first_correct"), np.inf)
    ends = correct & kept["correct_at_end"].fill_null(value=True).to_numpy()
    text = None
    if kept["text"].null_count() < kept.height:
        text = padded(np.array(kept["text"].fill_null("").to_list(), object), "")
    return SamplePools(
        dataset=str(rows["dataset"][0]),
        model=str(rows["model"][0]),
        unit=LengthUnit(rows["unit"][0]),
        prompt_ids=prompt_ids,
        mask=padded(np.ones(kept.height, bool), False),
        correct=padded(correct, False),
        ends_correct=padded(ends, False),
        first_correct=padded(first, np.inf),
        n_tokens=padded(reals("n_tokens"), np.nan),
        answer=padded(_answer_codes(kept), -1),
        verifier_score=padded(reals("verifier_score"), np.nan),
        logprob=padded(reals("logprob"), np.nan),
        text=text,
        unverified=rows["correct"].null_count(),
        left_out=rows["prompt_id"].n_unique() - len(prompt_ids),
        beyond=verified.height - kept.height,
        correct_only_at_end=int(kept["first_correct_is_end"].sum()),
        limit=sampling_limit(rows),
    )


def _answer_codes(rows: pl.DataFrame) -> np.ndarray:
    """A number for each distinct answer of the group, -1 for none."""
    answers = rows.select("answer").unique().drop_nulls()["answer"]
    forms = [canonical_answer(answer) for answer in answers]
    known = pl.DataFrame({"answer": answers, "form": pl.Series(forms, dtype=pl.String)})
    form = rows.select("answer", "answer_canonical").join(
        known, on="answer", how="left", maintain_order="left"
    )
    chosen = form.select(pl.coalesce("answer_canonical", "form"))["answer_canonical"]
    codes = chosen.rank("dense").cast(pl.Int64).fill_null(0) - 1
    return codes.to_numpy()
