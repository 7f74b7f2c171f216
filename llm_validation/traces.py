"""The canonical trace table: one row per sampled answer of a language model.

Every importer ends here and every statistic starts here, so this file decides what a usable trace
is. Whatever is doubtful is refused in one line; whatever is filled in is marked as such.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from verigap.llm_validation.flag_words import as_flags
from verigap.storage.tables import TableError, decode_parquet, load_frame, refuse_rows, save_frame
from verigap.storage.units import UNITS, LengthUnit

PROMPT_KEY = ("dataset", "model", "prompt_id")
KEY = (*PROMPT_KEY, "sample_id")
_TEXT = (
    "dataset",
    "model",
    "prompt_id",
    "answer",
    "text",
    "source",
    "sampling",
    "answer_canonical",
    "unit",
)
_COUNTS = ("sample_id", "first_correct", "n_tokens")
_REALS = ("verifier_score", "logprob")
_FLAGS = ("correct", "first_correct_is_end", "correct_at_end")
# Text columns in which numbers are as good as their digits.
_TEXT_OR_NUMBER = ("prompt_id", "answer")
REQUIRED = ("prompt_id", "correct")
LENGTH_LIMITS = (
    "max_tokens",
    "max_new_tokens",
    "max_gen_toks",
    "max_completion_tokens",
    "max_output_tokens",
)
"""Names under which tools record, in `sampling`, the most tokens that a sample may have."""
_INTERPRETED = {"text", "answer", "sampling"}
COLUMNS = (
    *KEY,
    "correct",
    "first_correct",
    "n_tokens",
    "verifier_score",
    "answer",
    "logprob",
    "text",
    "source",
    "sampling",
    "first_correct_is_end",
    "answer_canonical",
    "unit",
    "correct_at_end",
)


@dataclass(frozen=True, eq=False)
class Traces:
    """A checked trace table with every canonical column, in the row order it came in.

    Columns: `dataset`, `model`, `prompt_id` (text), `sample_id` (whole number) form the key;
    `correct` is true, false (or 1, 0 and words for them), or null (or NaN) where the answer is
    ungraded (no reference, or a grader that crashed or timed out); `first_correct` is the 1-based
    place (a token, word or character: see `unit`) at which the trace is first correct, null for
    never, or where nobody knows; `n_tokens` (its length), `verifier_score`, `answer`, `logprob`,
    `text`, `source`, `sampling` may be null;
    `first_correct_is_end` marks rows whose `first_correct` is only known to be at most the end;
    `answer_canonical` is one form for all answers that are the same number (see
    `answers.canonical_answer`); `unit` says what `first_correct` and `n_tokens` count: "tokens",
    "words" or "characters", the same for all rows of a (dataset, model); `correct_at_end` says,
    where it is known, whether the last answer is correct, which a trace may have lost again.

    Only `prompt_id` and `correct` are required. A missing `dataset` or `model` becomes "", missing
    sample numbers count from 0 within a prompt. A correct trace without `first_correct` counts as
    correct from its end, and is marked in `first_correct_is_end`. A missing `unit` means
    tokens. Columns unknown here are dropped and named in `ignored_columns`.

    Raises:
      TableError: on construction, with one line that names the column, the row and the remedy.
    """

    frame: pl.DataFrame
    source: str = "traces"
    ignored_columns: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        ignored = tuple(name for name in self.frame.columns if name not in COLUMNS)
        object.__setattr__(self, "ignored_columns", ignored)
        object.__setattr__(self, "frame", _checked(self.frame, self.source))

    @property
    def units(self) -> tuple[LengthUnit, ...]:
        """What lengths are counted in, sorted; more than one only if several groups differ."""
        return tuple(map(LengthUnit, self.frame["unit"].unique().sort()))

    @property
    def num_samples(self) -> int:
        """Rows, verified or not."""
        return self.frame.height

    @property
    def num_unverified(self) -> int:
        """Rows whose answer could not be verified."""
        return self.frame["correct"].null_count()

    @property
    def num_prompts(self) -> int:
        """Distinct (dataset, model, prompt_id)."""
        return self.frame.select(PROMPT_KEY).n_unique()


def nothing_verified(source: str) -> TableError:
    """What every statistic says of a table in which no sample could be verified."""
    return TableError(
        f"{source}: no trace could be verified (correct is null everywhere); verify the traces "
        "first"
    )


def refuse_unplaced(traces: Traces) -> None:
    """Refuse correct traces of which nobody knows from where on they are correct.

    Raises:
      TableError: there is one; what needs no budget, accuracy and pass@k, can still be had.
    """
    unplaced = traces.frame.filter(pl.col("correct"), pl.col("first_correct").is_null()).height
    if unplaced:
        raise TableError(
            f"{traces.source}: {unplaced} correct traces have neither first_correct nor n_tokens, "
            "so no budget can be evaluated; add one of them (`verigap fit` gives accuracy and "
            "pass@k without)"
        )


def group_traces(traces: Traces, dataset: str, model: str) -> Traces:
    """The traces of one (dataset, model).

    Raises:
      TableError: there are none.
    """
    rows = traces.frame.filter(pl.col("dataset") == dataset, pl.col("model") == model)
    return Traces(rows, traces.source)


def load_traces(path: str | Path) -> Traces:
    """Traces from a Parquet file whose columns have the names and types of a trace table.

    `llm_validation.read_traces` takes tables of every other kind, and logs, as well.

    Raises:
      TableError: the file is missing, damaged, of another kind, or holds unusable traces.

    Example:
      >>> from verigap.llm_validation.traces import load_traces
      >>> load_traces("examples/smollm2_products.parquet").num_samples
      1024
    """
    frame = load_frame(path, decode_parquet, "a Parquet file")
    return Traces(frame, str(path))


def needs_no_reading(frame: pl.DataFrame) -> bool:
    """Whether a table is one of traces as it stands, so that nothing in it is to be interpreted.

    Every column has to have the name and type of one of `Traces`, and no number may be NaN. Texts,
    answers and sampling parameters are read, unless all columns are there, as in every table that
    is written here.

    Args:
      frame: any table.

    Example:
      >>> import polars as pl
      >>> from verigap.llm_validation.traces import needs_no_reading
      >>> needs_no_reading(pl.DataFrame({"prompt_id": ["7"], "correct": [True]}))
      True
      >>> needs_no_reading(pl.DataFrame({"prompt_id": [7], "correct": ["yes"]}))
      False
    """
    columns = set(frame.columns)
    typed = all(name in COLUMNS and frame.schema[name] == _dtype(name) for name in columns)
    if not typed or not columns.issuperset(REQUIRED):
        return False
    if columns & _INTERPRETED and not columns.issuperset(COLUMNS):
        return False
    numbers = [name for name in _REALS if name in columns]
    names = pl.col("prompt_id")
    blank = names.is_null() | (names.str.strip_chars() == "")
    return not frame.select(blank.any()).item() and not any(
        frame[name].is_nan().any() for name in numbers
    )


def write_traces(traces: Traces, path: str | Path) -> None:
    """Write the canonical table as Parquet; the file appears whole or not at all.

    Raises:
      TableError: the name does not end in .parquet, or the file cannot be written.

    Example:
      >>> import tempfile
      >>> from verigap.llm_validation import read_traces, write_traces
      >>> traces = read_traces("examples/smollm2_products.parquet")
      >>> with tempfile.TemporaryDirectory() as folder:
      ...     write_traces(traces, f"{folder}/traces.parquet")
      ...     read_traces(f"{folder}/traces.parquet").num_prompts
      32
    """
    if Path(path).suffix.lower() != ".parquet":
        raise TableError(f"{path}: traces are written as Parquet; end the name in .parquet")
    save_frame(traces.frame, path)


def checked_rows(frame: pl.DataFrame, source: str) -> pl.DataFrame:
    """The frame in canonical form, each row checked by itself: a piece of a large table.

    What needs the whole table, that no key and no group's unit comes twice, is left to the caller.

    Raises:
      TableError: as `Traces` does.
    """
    for name in REQUIRED:
        if name not in frame.columns:
            raise TableError(
                f"{source}: column {name!r} is missing (there are: {', '.join(frame.columns[:12])})"
                "; rename or add it"
            )
    if frame.height == 0:
        raise TableError(f"{source}: holds no traces; check how it was made")
    given = [name for name in COLUMNS if name in frame.columns]
    frame = frame.select(_typed(frame, source, name) for name in given)
    defaults = [
        pl.lit("", pl.String).alias(name) for name in ("dataset", "model") if name not in given
    ]
    frame = frame.with_columns(defaults)
    if "sample_id" not in given:
        frame = frame.with_columns(pl.int_range(pl.len()).over(PROMPT_KEY).alias("sample_id"))
    absent = [
        pl.lit(None, _dtype(name)).alias(name) for name in COLUMNS if name not in frame.columns
    ]
    frame = frame.with_columns(absent).select(COLUMNS)
    _refuse_unusable(frame, source)
    correct = pl.col("correct").fill_null(value=False)
    at_end = correct & pl.col("first_correct").is_null()
    marked = correct & pl.col("first_correct_is_end").fill_null(value=False)
    return frame.with_columns(
        pl.coalesce(
            "first_correct", pl.when(at_end & (pl.col("n_tokens") > 0)).then("n_tokens")
        ).alias("first_correct"),
        (marked | at_end).alias("first_correct_is_end"),
        pl.col("unit").fill_null(LengthUnit.TOKENS.value),
    )


def _checked(frame: pl.DataFrame, source: str) -> pl.DataFrame:
    frame = checked_rows(frame, source)
    refuse_rows(
        frame,
        source,
        "sample_id",
        pl.struct(KEY).is_duplicated(),
        "the same dataset, model, prompt_id and sample_id twice",
        "number the samples of a prompt",
    )
    refuse_rows(
        frame,
        source,
        "unit",
        pl.col("unit").n_unique().over("dataset", "model") > 1,
        "one dataset and model in several units",
        "count all of its traces in one unit",
    )
    return frame


def _refuse_unusable(frame: pl.DataFrame, source: str) -> None:
    """Raise `TableError` at the first row that contradicts itself."""

    def refuse(column: str, bad: pl.Expr, problem: str, remedy: str) -> None:
        refuse_rows(frame, source, column, bad, problem, remedy)

    correct, first, length = pl.col("correct"), pl.col("first_correct"), pl.col("n_tokens")
    for name in KEY:
        refuse(name, pl.col(name).is_null(), "a value is missing", "fill it in")
    refuse("first_correct", first < 1, "places count from 1", "use null for never correct")
    refuse("n_tokens", length < 0, "a length cannot be negative", "use null where it is unknown")
    refuse(
        "first_correct",
        first.is_not_null() & ~correct,
        "the trace is not correct",
        "set first_correct to null or correct to true",
    )
    refuse(
        "first_correct",
        first.is_not_null() & correct.is_null(),
        "the trace could not be verified (correct is null)",
        "set first_correct to null or say whether the trace is correct",
    )
    refuse(
        "first_correct",
        first > length,
        "first_correct is past the end of the trace (n_tokens)",
        "count both in the same way",
    )
    unknown = ~pl.col("unit").is_in(UNITS)
    refuse("unit", unknown, "an unknown unit", f"use one of {', '.join(UNITS)}")


def _dtype(name: str) -> pl.DataType:
    if name in _TEXT:
        return pl.String()
    if name in _COUNTS:
        return pl.Int64()
    return pl.Float64() if name in _REALS else pl.Boolean()


def _is_text(dtype: pl.DataType) -> bool:
    return dtype == pl.String or isinstance(dtype, pl.Categorical | pl.Enum)


def _typed(frame: pl.DataFrame, source: str, name: str) -> pl.Expr:
    """An expression giving column `name` its canonical type, or `TableError`."""
    dtype, column = frame.schema[name], pl.col(name)
    target = _dtype(name)

    def refuse(bad: pl.Expr, problem: str, remedy: str) -> None:
        refuse_rows(frame, source, name, bad, problem, remedy)

    # A column without a single value has no type of its own.
    if dtype in (target, pl.Null()) and not dtype.is_float():
        return column.cast(target)
    if name in _FLAGS and (dtype.is_numeric() or _is_text(dtype)):
        flags, bad = as_flags(column, dtype)
        refuse(bad, "neither true nor false", "write true, false or null")
        return flags.alias(name)
    if dtype.is_decimal():
        column = column.cast(pl.Float64)
    if dtype.is_float():
        unknown = "leave it null where it is unknown"
        refuse(~column.is_finite(), "not a finite number", unknown)
    if name in _TEXT:
        wanted = "text"
        fits = _is_text(dtype) or (
            name in _TEXT_OR_NUMBER
            and (dtype.is_integer() or (name == "answer" and dtype.is_numeric()))
        )
    elif name in _COUNTS:
        wanted, fits = "whole numbers", dtype.is_numeric()
        if dtype.is_float() or dtype.is_decimal():
            refuse(column != column.floor(), "not a whole number", "give whole numbers")
    elif name in _REALS:
        wanted, fits = "numbers", dtype.is_numeric()
    else:
        wanted, fits = "true, false or null", False
    if not fits:
        raise TableError(
            f"{source}: column {name!r} holds {dtype}, not {wanted}; convert the column"
        )
    if name in _COUNTS:
        refuse(column.abs() > 2**53, "out of range", "count from 1")
    return column.cast(target)
