"""The budgets H that are looked at where none is named: one rule for every command."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass

import numpy as np
import polars as pl
from jaxtyping import Float

from verigap.llm_validation.traces import LENGTH_LIMITS, Traces
from verigap.storage.units import LengthUnit

# Where no trace has a length and none is correct, every budget is as good as another.
_UNKNOWN_LENGTHS = 64
_STEP = 8


@dataclass(frozen=True, kw_only=True)
class ChosenHorizons:
    """Budgets of one (dataset, model) that were chosen by its lengths.

    Attributes:
      dataset, model: of the group.
      horizons: H, ascending.
      reason: what they are, in the words of a sentence about them.
    """

    dataset: str
    model: str
    horizons: tuple[int, ...]
    reason: str


def usual_horizons(
    lengths: Float[np.ndarray, " traces"], reach: float, limit: int | None
) -> tuple[tuple[int, ...], str]:
    """About the median and the 90 % quantile of the lengths, and the largest that they speak about.

    Args:
      lengths: of the traces, as far as they are known.
      reach: the sampling limit where it is recorded, else the length of the longest trace.
      limit: the sampling limit, or None where it is not recorded.

    Returns:
      The budgets, ascending, and what they are.

    Example:
      >>> import numpy as np
      >>> from verigap.llm_validation.budgets import usual_horizons
      >>> usual_horizons(np.array([10.0, 20.0, 30.0]), 30.0, None)[0]
      (24, 30)
    """
    if lengths.size == 0:
        return (_UNKNOWN_LENGTHS,), "no length is known, so any budget is as good"
    largest = max(1, int(reach))
    median, most = (float(end) for end in np.quantile(lengths, [0.5, 0.9]))
    horizons = tuple(sorted({min(_rounded(end), largest) for end in (median, most)} | {largest}))
    last = "the longest trace" if limit is None else "the sampling limit"
    reason = (
        f"the median {median:.4g} and the 90 % quantile {most:.4g} of the lengths, rounded up to "
        f"multiples of {_STEP}, and {last}, {largest}"
    )
    return horizons, reason


def _rounded(length: float) -> int:
    return max(_STEP, _STEP * math.ceil(length / _STEP))


def chosen_horizons(traces: Traces) -> tuple[ChosenHorizons, ...]:
    """The usual budgets of every (dataset, model) with a verified sample, sorted.

    Example:
      >>> from verigap.llm_validation import read_traces
      >>> from verigap.llm_validation.budgets import chosen_horizons
      >>> (chosen,) = chosen_horizons(read_traces("examples/smollm2_products.parquet"))
      >>> chosen.horizons[-1]
      64
    """
    groups = traces.frame.sort("dataset", "model").partition_by(
        "dataset", "model", maintain_order=True
    )
    return tuple(_chosen(rows) for rows in groups if rows["correct"].count())


def _chosen(rows: pl.DataFrame) -> ChosenHorizons:
    verified = rows.filter(pl.col("correct").is_not_null())
    lengths = verified["n_tokens"].drop_nulls().cast(pl.Float64).to_numpy()
    places = verified.filter("correct")["first_correct"].drop_nulls().cast(pl.Float64).to_numpy()
    limit = sampling_limit(rows)
    known = np.concatenate([lengths, places, [] if limit is None else [float(limit)]])
    horizons, reason = usual_horizons(
        lengths if lengths.size else places, float(known.max()) if known.size else math.nan, limit
    )
    return ChosenHorizons(
        dataset=str(rows["dataset"][0]),
        model=str(rows["model"][0]),
        horizons=horizons,
        reason=reason,
    )


def sampling_limit(rows: pl.DataFrame) -> int | None:
    """The one sampling limit of all rows, where lengths are in tokens and all record the same."""
    if rows["unit"][0] != LengthUnit.TOKENS or rows["sampling"].null_count():
        return None
    limits = {_recorded_limit(text) for text in rows["sampling"].unique()}
    limit = limits.pop()
    if limits or limit is None:
        return None
    # Samples longer than the limit were counted otherwise than the limit.
    return None if rows.filter(pl.col("n_tokens") > limit).height else limit


def _recorded_limit(sampling: str) -> int | None:
    """The limit that a record of sampling settings names, None without one."""
    try:
        settings = json.loads(sampling)
    except ValueError:
        return None
    values = [settings.get(name) for name in LENGTH_LIMITS] if isinstance(settings, dict) else []
    # A column of a table arrives as text.
    values = [int(v) if isinstance(v, str) and v.isdecimal() else v for v in values]
    known = [value for value in values if type(value) is int and 1 <= value < 2**53]
    return known[0] if known else None
