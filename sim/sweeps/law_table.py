"""The law table: per-prompt reward laws at several budgets, as one small Parquet file.

It is the only thing that passes from real samples to the simulator, so whatever a simulation
relies on is checked here, when the table is made and again when it is read.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
from jaxtyping import Float64

from verigap.storage.digests import digest
from verigap.storage.tables import TableError, decode_parquet, load_frame, refuse_rows, save_frame
from verigap.storage.units import UNITS, LengthUnit

KEY = ("dataset", "model", "prompt_id", "horizon")
_TEXT = ("dataset", "model", "prompt_id", "unit")
_COUNTS = ("horizon", "samples", "unverified")
_LISTS = ("returns", "probabilities")
COLUMNS = (*KEY, "samples", "unverified", "unit", *_LISTS)

# How far a row of probabilities may be from summing to one: rounding, never a missing atom.
_SUM_TOLERANCE = 1e-9
# Part of the digest, so that a change of meaning never passes for the same content.
_DIGEST_TAG = b"verigap law table 1"


class SelectedLaws(NamedTuple):
    """Laws of several prompts at one budget, on the union of their supports.

    Attributes:
      support: ascending returns, shape (K,), in `unit`.
      probabilities: shape (P, K), one row a prompt, zero where a prompt lacks the return.
      prompt_ids: the P prompts, in row order.
      unit: what the budget and the returns count.
    """

    support: Float64[np.ndarray, " K"]
    probabilities: Float64[np.ndarray, "P K"]
    prompt_ids: tuple[str, ...]
    unit: LengthUnit


@dataclass(frozen=True, eq=False)
class LawTable:
    """A checked law table, sorted by (dataset, model, prompt_id, horizon).

    Columns: `dataset`, `model`, `prompt_id` (text); `horizon` (the budget); `samples`, the verified
    samples behind the law; `unverified`, the samples left out of it; `unit`, what horizon and
    returns count ("tokens", "words" or "characters", one for each dataset and model); `returns`
    (ascending, distinct, in [0, horizon]) and their `probabilities`.

    Raises:
      TableError: on construction, if the frame breaks any of the above.
    """

    frame: pl.DataFrame
    source: str = "law table"

    def __post_init__(self) -> None:
        object.__setattr__(self, "frame", _checked(self.frame, self.source))

    @cached_property
    def horizons(self) -> tuple[int, ...]:
        """Budgets present anywhere in the table, ascending, each in the unit of its group."""
        return tuple(self.frame["horizon"].unique().sort().to_list())

    @cached_property
    def groups(self) -> tuple[tuple[str, str], ...]:
        """The (dataset, model) pairs present, sorted."""
        return tuple(self.frame.select("dataset", "model").unique().sort(pl.all()).iter_rows())

    @cached_property
    def digest(self) -> str:
        """SHA-256 (hex) of the content; the same for every row order and Parquet encoding."""

        def columns() -> Iterator[bytes]:
            for name in _TEXT:
                yield json.dumps(self.frame[name].to_list(), ensure_ascii=True).encode()
            for name in _COUNTS:
                yield self.frame[name].to_numpy().astype("<i8").tobytes()
            yield self.frame["returns"].list.len().to_numpy().astype("<i8").tobytes()
            for name in _LISTS:
                # Adding zero turns -0.0 into 0.0, which is the same number.
                yield (self.frame[name].explode().to_numpy() + 0.0).astype("<f8").tobytes()

        framed = (len(data).to_bytes(8, "little") + data for data in columns())
        return digest(itertools.chain([_DIGEST_TAG], framed))

    def select(
        self, horizon: int, dataset: str | None = None, model: str | None = None
    ) -> SelectedLaws:
        """The laws of one (dataset, model) at one budget, ready for `theory.RewardLaw`.

        Args:
          horizon: budget in the unit of the group, one of `horizons`.
          dataset: needed only where the table holds several.
          model: needed only where the table holds several.

        Raises:
          TableError: nothing fits, or several (dataset, model) pairs do: two models on the same
            prompts are not one population, so they are never pooled silently.
        """
        rows = self.frame
        for name, wanted in (("dataset", dataset), ("model", model)):
            present = rows[name].unique().sort().to_list()
            if wanted is not None and wanted not in present:
                raise TableError(
                    f"{self.source}: no {name} {wanted!r}; the table holds {_listing(present)}"
                )
            if wanted is None and len(present) > 1:
                raise TableError(
                    f"{self.source}: holds several {name}s ({_listing(present)}); name one"
                )
            rows = rows.filter(
                pl.col(name) == present[0] if wanted is None else wanted == pl.col(name)
            )
        unit = LengthUnit(rows["unit"][0])
        present = rows["horizon"].unique().sort().to_list()
        if horizon not in present:
            raise TableError(
                f"{self.source}: no laws at horizon {horizon}; there are laws at "
                f"{_listing(present)} {unit}"
            )
        rows = rows.filter(pl.col("horizon") == horizon)
        lengths = rows["returns"].list.len().to_numpy()
        returns = rows["returns"].explode().to_numpy()
        support = np.unique(returns)
        probabilities = np.zeros((rows.height, support.size))
        row = np.repeat(np.arange(rows.height), lengths)
        column = np.searchsorted(support, returns)
        probabilities[row, column] = rows["probabilities"].explode().to_numpy()
        return SelectedLaws(support, probabilities, tuple(rows["prompt_id"].to_list()), unit)


def read_law_table(path: str | Path) -> LawTable:
    """The law table in a Parquet file.

    Raises:
      TableError: the file is missing, is not Parquet, or does not hold a valid law table.

    Example:
      >>> import tempfile, polars as pl
      >>> from verigap.sim.sweeps import LawTable, read_law_table, write_law_table
      >>> row = {"dataset": "d", "model": "m", "prompt_id": "p", "horizon": 8, "samples": 2}
      >>> law = {"unverified": 0, "unit": "tokens", "returns": [0, 6], "probabilities": [0.5, 0.5]}
      >>> table = LawTable(pl.DataFrame([row | law]))
      >>> with tempfile.TemporaryDirectory() as folder:
      ...     write_law_table(table, f"{folder}/laws.parquet")
      ...     found = read_law_table(f"{folder}/laws.parquet")
      >>> found.horizons
      (8,)
    """
    return LawTable(load_frame(path, decode_parquet, "a Parquet file"), str(path))


def write_law_table(table: LawTable, path: str | Path) -> None:
    """Write the table as Parquet; the file appears whole or not at all.

    Raises:
      TableError: the file cannot be written.

    Example:
      >>> import tempfile, polars as pl
      >>> from verigap.sim.sweeps import LawTable, read_law_table, write_law_table
      >>> row = {"dataset": "d", "model": "m", "prompt_id": "p", "horizon": 8, "samples": 2}
      >>> law = {"unverified": 0, "unit": "tokens", "returns": [0, 6], "probabilities": [0.5, 0.5]}
      >>> table = LawTable(pl.DataFrame([row | law]))
      >>> with tempfile.TemporaryDirectory() as folder:
      ...     write_law_table(table, f"{folder}/laws.parquet")
      ...     read_law_table(f"{folder}/laws.parquet").horizons
      (8,)
    """
    save_frame(table.frame, path)


def _listing(values: list[str] | list[int]) -> str:
    shown = ", ".join(str(value) for value in values[:8])
    return shown + (f" and {len(values) - 8} more" if len(values) > 8 else "")


def _checked(frame: pl.DataFrame, source: str) -> pl.DataFrame:
    frame = _typed(frame, source)
    if frame.height == 0:
        raise TableError(f"{source}: holds no laws; check the traces it was made from")
    remedy = "make the table again with `verigap laws`"

    def refuse(column: str, bad: pl.Expr, problem: str, rows: pl.DataFrame = frame) -> None:
        refuse_rows(rows, source, column, bad, problem, remedy)

    for name in COLUMNS:
        refuse(name, pl.col(name).is_null(), "a value is missing")
    refuse("horizon", pl.col("horizon") < 1, "a budget is at least 1")
    refuse("samples", pl.col("samples") < 1, "a law needs at least 1 verified sample")
    refuse("unverified", pl.col("unverified") < 0, "a count cannot be negative")
    unknown = ~pl.col("unit").is_in(UNITS)
    refuse("unit", unknown, f"the unit must be one of {', '.join(UNITS)}")
    mixed = pl.col("unit").n_unique().over("dataset", "model") > 1
    refuse("unit", mixed, "one dataset and model in several units")
    refuse("prompt_id", pl.struct(KEY).is_duplicated(), "the same prompt and horizon twice")
    refuse("returns", pl.col("returns").list.len() == 0, "a law needs at least one return")
    unequal = pl.col("returns").list.len() != pl.col("probabilities").list.len()
    refuse("probabilities", unequal, "there must be one probability for each return")

    atoms = frame.with_row_index("row").select("row", "horizon", *_LISTS).explode(list(_LISTS))
    for name in _LISTS:
        missing = pl.col(name).is_null() | ~pl.col(name).is_finite()
        refuse(name, missing, "not a finite number", atoms)
    outside = (pl.col("returns") < 0) | (pl.col("returns") > pl.col("horizon"))
    refuse("returns", outside, "a return lies between 0 and the horizon", atoms)
    falls = pl.col("returns").diff().over("row") <= 0
    refuse("returns", falls, "returns must be distinct and in ascending order", atoms)
    refuse("probabilities", pl.col("probabilities") < 0, "a probability is negative", atoms)
    total = pl.col("probabilities").list.sum()
    off = (total - 1).abs() > _SUM_TOLERANCE
    refuse("probabilities", off, "the probabilities do not sum to 1")
    return frame.sort(KEY)


def _typed(frame: pl.DataFrame, source: str) -> pl.DataFrame:
    """The frame with the exact columns and types of a law table, or `TableError`."""
    missing = [name for name in COLUMNS if name not in frame.columns]
    if missing:
        raise TableError(
            f"{source}: column {missing[0]!r} is missing; is this a law table? make one with "
            "`verigap laws`"
        )
    unknown = [name for name in frame.columns if name not in COLUMNS]
    if unknown:
        raise TableError(f"{source}: column {unknown[0]!r} is not part of a law table; drop it")
    for name in COLUMNS:
        dtype = frame.schema[name]
        inner = dtype.inner if isinstance(dtype, pl.List) else pl.Null()
        fits, wanted = (
            (dtype == pl.String, "text")
            if name in _TEXT
            else (dtype.is_integer(), "whole numbers")
            if name in _COUNTS
            else (inner.is_numeric(), "lists of numbers")
        )
        if not fits:
            raise TableError(
                f"{source}: column {name!r} holds {dtype}, not {wanted}; make the table again with "
                "`verigap laws`"
            )
    casts = [pl.col(name).cast(pl.Int64) for name in _COUNTS]
    casts += [pl.col(name).cast(pl.List(pl.Float64)) for name in _LISTS]
    try:
        return frame.select(COLUMNS).with_columns(casts)
    except pl.exceptions.PolarsError as error:
        raise TableError(
            f"{source}: a number is out of range ({str(error).splitlines()[0][:120]}); make the "
            "table again with `verigap laws`"
        ) from None
