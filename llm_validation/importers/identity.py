"""Names of prompts that are probably meant to be one: 7, 07, 7.0, " 7" and '"7"'."""

from __future__ import annotations

import polars as pl

_LISTED = 5
_QUOTES = " \t\r\n\u00a0\ufeff\"'`"


def written_differently(names: pl.DataFrame) -> str | None:
    """One line on the prompts of a data set and model that only their spelling tells apart.

    Args:
      names: distinct `dataset`, `model` and `prompt_id`.

    Returns:
      None where there are none.

    Example:
      >>> import polars as pl
      >>> from verigap.llm_validation.importers.identity import written_differently
      >>> frame = pl.DataFrame({"dataset": "d", "model": "m", "prompt_id": ["7", "7.0", "8"]})
      >>> written_differently(frame)[:44]
      '1 prompt is there in several spellings ("7" '
    """
    plain = (
        pl.col("prompt_id")
        .str.strip_chars(_QUOTES)
        .str.replace(r"^([+-]?\d+)\.0*$", "${1}")
        .str.replace(r"^\+?(-?)0*(\d+)$", "${1}${2}")
        .str.to_lowercase()
    )
    spellings = (
        names.group_by("dataset", "model", plain.alias("plain"))
        .agg(pl.col("prompt_id").unique().sort())
        .filter(pl.col("prompt_id").list.len() > 1)
        .sort("dataset", "model", "plain")
    )
    if not spellings.height:
        return None
    listed = [
        " and ".join(f'"{name}"' for name in each) for each in spellings["prompt_id"].to_list()
    ]
    some = "; ".join(listed[:_LISTED]) + ("; ..." if len(listed) > _LISTED else "")
    count = f"{len(listed)} prompt is" if len(listed) == 1 else f"{len(listed)} prompts are"
    return (
        f"{count} there in several spellings ({some}), which count as "
        "different prompts; write one form where they are the same"
    )
