"""Names of groups: samples of one model that were drawn with different settings are several."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import polars as pl

from verigap.llm_validation.importers import settings
from verigap.storage.tables import TableError

SETTINGS = "_settings"
"""The column of a draft with what `settings.combined` gives for each row."""

_MOST = 64


@dataclass(frozen=True)
class GroupNames:
    """New names of models whose samples were drawn with different settings.

    Attributes:
      names: by (dataset, model, settings), the name with the settings that differ.
      notes: one line a model, which says what became of it.
    """

    names: dict[tuple[str, str, str], str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def applied(self, rows: pl.LazyFrame) -> pl.LazyFrame:
        """Rows of a draft under their new names, in their order."""
        if not self.names:
            return rows
        keys = ["dataset", "model", SETTINGS]
        table = pl.LazyFrame(
            [(*key, name) for key, name in self.names.items()],
            schema=[*keys, "_name"],
            orient="row",
        )
        joined = rows.join(table, on=keys, how="left", maintain_order="left")
        return joined.with_columns(model=pl.coalesce("_name", "model")).drop("_name")


def group_names(rows: pl.LazyFrame) -> GroupNames:
    """The names of the groups in a draft.

    Args:
      rows: with `dataset`, `model`, `prompt_id` and `SETTINGS`.

    Raises:
      TableError: a model has so many settings that they are not those of groups.
    """
    found = rows.select("dataset", "model", SETTINGS).unique().collect(engine="streaming")
    names: dict[tuple[str, str, str], str] = {}
    notes: list[str] = []
    for (dataset, model), group in found.group_by("dataset", "model", maintain_order=True):
        seen = sorted(group[SETTINGS])
        if len(seen) < 2:
            continue
        mine = rows.filter(pl.col("dataset") == dataset, pl.col("model") == model)
        differing = settings.differing(seen, _limits_within_prompts(mine))
        labels = {each: settings.label(each, differing) for each in seen}
        distinct = sorted(set(labels.values()))
        if len(distinct) > _MOST:
            raise TableError(
                f"{', '.join(differing)}: {len(distinct)} different values, too many for groups of "
                "samples drawn alike; keep the rows of one, or take the column out of the file"
            )
        if len(distinct) < 2:
            continue
        for each, label in labels.items():
            whole = ", ".join(filter(None, (str(model), label)))
            names[str(dataset), str(model), each] = whole
        notes.append(
            f"rows drawn with different {' and '.join(differing)} are groups of their own: "
            f"{'; '.join(distinct[:6])}{'; ...' if len(distinct) > 6 else ''}"
        )
    return GroupNames(names, tuple(dict.fromkeys(notes)))


def _limits_within_prompts(rows: pl.LazyFrame) -> Iterator[str]:
    """Limits of the length that differ among the samples of a prompt."""
    several = (
        rows.select("prompt_id", SETTINGS)
        .unique()
        .group_by("prompt_id")
        .agg(SETTINGS)
        .filter(pl.col(SETTINGS).list.len() > 1)
        .select(pl.col(SETTINGS).list.sort().unique())
        .collect(engine="streaming")
    )
    for (together,) in several.iter_rows():
        yield from settings.differing(together, settings.LIMITS)
