"""What stands for true, false and unknown in a table: words, and the numbers 1 and 0."""

from __future__ import annotations

import polars as pl

TRUE = frozenset({"true", "1", "1.0", "yes"})
FALSE = frozenset({"false", "0", "0.0", "no"})
UNKNOWN = frozenset({"", "null", "none", "~", "nan"})


def as_flags(column: pl.Expr, dtype: pl.DataType) -> tuple[pl.Expr, pl.Expr]:
    """A column as true, false or null, and where it holds something else.

    Args:
      column: of numbers, in which NaN is unknown, or of texts.
      dtype: its type.

    Example:
      >>> import polars as pl
      >>> from verigap.llm_validation.flag_words import as_flags
      >>> frame = pl.DataFrame({"correct": [1.0, 0.0, float("nan"), None]})
      >>> flags, bad = as_flags(pl.col("correct"), frame.schema["correct"])
      >>> frame.select(flags).to_series().to_list(), frame.select(bad.any()).item()
      ([True, False, None, None], False)
    """
    if dtype.is_numeric():
        # Polars compares no float with whole numbers, and a decimal with neither.
        number = column.cast(pl.Float64)
        known = pl.when(number.is_nan()).then(None).otherwise(number)
        return known == 1.0, ~known.is_in([0.0, 1.0])
    word = column.cast(pl.String).str.strip_chars().str.to_lowercase()
    flags = pl.when(word.is_in(list(TRUE))).then(True).when(word.is_in(list(FALSE))).then(False)
    return flags, ~word.is_in([*TRUE, *FALSE, *UNKNOWN])
