"""The table of a run's failed cells, which people read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from verigap.storage.belonging import refuse_bad_cells
from verigap.storage.run_folder import StoreError

NO_FAILURES = pl.DataFrame(schema={"cell": pl.String, "error": pl.String})


def merged_failures(known: pl.DataFrame, rows: Sequence[Mapping[str, object]]) -> pl.DataFrame:
    """The table with more failures; a later one of a cell replaces the earlier.

    Args:
      known: the table so far.
      rows: at least one; each has `cell`, `error` and perhaps more.

    Raises:
      StoreError: a row lacks `cell` or `error`.

    Example:
      >>> from verigap.storage.failures import NO_FAILURES, merged_failures
      >>> merged_failures(NO_FAILURES, [{"cell": "a", "error": "lost", "times": 3}]).rows()
      [('a', 'lost', '3')]
    """
    if any(not isinstance(row.get(name), str) for row in rows for name in ("cell", "error")):
        raise StoreError("a failure needs a text 'cell' and a text 'error'")
    refuse_bad_cells(str(row["cell"]) for row in rows)
    # As text, because people read it and types would differ between rows.
    texts = [{name: str(value) for name, value in row.items()} for row in rows]
    new = pl.DataFrame(texts, infer_schema_length=None)
    merged = pl.concat([known, new], how="diagonal_relaxed")
    return merged.unique("cell", keep="last", maintain_order=True)
