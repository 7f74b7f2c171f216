"""A random part of the prompts of a large table, on which what learns is measured.

The cost of a diagnosis grows with the prompts, its precision with their root: some thousands tell
nearly all that a hundred thousand do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import polars as pl

from verigap.llm_validation.arguments import whole
from verigap.llm_validation.pools.pools import SamplePools
from verigap.llm_validation.traces import PROMPT_KEY, Traces

MOST_PROMPTS = 2_000
"""Prompts of a (dataset, model) on which policies are measured where nobody asks for more."""

_STREAM = 29


@dataclass(frozen=True, kw_only=True, eq=False)
class DrawnPrompts:
    """The traces of the prompts that were drawn.

    Attributes:
      traces: theirs, and those of all prompts without a verified sample, in their old order.
      drawn_from: of each (dataset, model) of which some prompts were left out, how many prompts
        with a verified sample it has.
    """

    traces: Traces
    drawn_from: Mapping[tuple[str, str], int] = field(default_factory=dict)

    def marked(self, pools: SamplePools) -> SamplePools:
        """Pools of these traces that say of how many prompts they are drawn."""
        return replace(pools, drawn_from=self.drawn_from.get((pools.dataset, pools.model)))


def draw_prompts(traces: Traces, most: int, seed: int) -> DrawnPrompts:
    """At most so many prompts of each (dataset, model), drawn at random.

    Models of one dataset get the same prompts, as far as they have them.

    Args:
      traces: the samples.
      most: prompts with a verified sample that are kept of each (dataset, model), at least 2.
      seed: seed of the draw.

    Raises:
      TableError: `most` is out of range.

    Example:
      >>> from verigap.llm_validation import read_traces
      >>> from verigap.llm_validation.pools.drawn_prompts import draw_prompts
      >>> drawn = draw_prompts(read_traces("examples/smollm2_products.parquet"), 20, seed=0)
      >>> drawn.traces.num_prompts, list(drawn.drawn_from.values())
      (20, [32])
    """
    whole(most, "most_prompts", 2, 10**9)
    graded = traces.frame.filter(pl.col("correct").is_not_null()).select(PROMPT_KEY).unique()
    totals = graded.group_by("dataset", "model").len().sort("dataset", "model")
    cut = totals.filter(pl.col("len") > most)
    if not cut.height:
        return DrawnPrompts(traces=traces)
    names = graded.select("dataset", "prompt_id").unique().sort("dataset", "prompt_id")
    order = np.random.default_rng([seed, _STREAM]).permutation(names.height)
    kept = (
        graded.join(names.with_columns(place=pl.Series(order)), on=["dataset", "prompt_id"])
        .filter(pl.col("place").rank("ordinal").over("dataset", "model") <= most)
        .select(*PROMPT_KEY, drawn=pl.lit(value=True))
    )
    known = graded.with_columns(graded=pl.lit(value=True))
    rows = (
        traces.frame.join(kept, on=PROMPT_KEY, how="left", maintain_order="left")
        .join(known, on=PROMPT_KEY, how="left", maintain_order="left")
        .filter(pl.col("drawn").is_not_null() | pl.col("graded").is_null())
        .drop("drawn", "graded")
    )
    return DrawnPrompts(
        traces=Traces(rows, traces.source),
        drawn_from={(dataset, model): prompts for dataset, model, prompts in cut.iter_rows()},
    )
