"""The names that release 0.1.0 gave to five quantities, and where they are still read.

Two things still need them. A cell is named by the hash of its parameters under these names, and its
random stream is taken from that hash: hashing the present names would change every number. And run
folders of release 0.1.0 hold these names as keys and columns.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import polars as pl

SCHEMA = 2
"""How configurations and stored columns are spelt: raise it when a name changes."""

IDENTITY_SCHEMA = 1
"""Part of every cell's hash: raise it when the same parameters come to mean other numbers."""

SCHEMA_1_NAMES = {
    "data_budget": "n",
    "log2_class_size": "log2_class",
    "chi2_radius": "kappa",
    "num_candidates": "best_of",
    "failure_probability": "delta",
}
"""Present name to the name in schema 1; all other names are the same in both."""

FINETUNED_VERSION_1_NAMES = {
    "data_budget": "n",
    "num_candidates": "candidates",
    "chi2_radius": "radius",
}
"""Present name to the name in the cells of a fine-tuned language model of version 1."""

_PRESENT_NAMES = {old: new for new, old in SCHEMA_1_NAMES.items()}


def as_schema_1(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters of a cell under the names that its hash is computed over."""
    return {SCHEMA_1_NAMES.get(name, name): value for name, value in parameters.items()}


def from_schema_1(content: Mapping[str, Any]) -> dict[str, Any]:
    """Keys of schema 1 under their present names; values are left as they are."""
    return {_PRESENT_NAMES.get(name, name): value for name, value in content.items()}


def schema_1_complaint(parameters: Mapping[str, Any]) -> str | None:
    """What to write instead of the first key that is spelt as in schema 1; None if none is."""
    for name in parameters:
        if name in _PRESENT_NAMES:
            return f"{name}: is a name of schema 1; write {_PRESENT_NAMES[name]}"
    return None


def config_from_schema_1(content: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration of a stored run of schema 1 under the present names."""
    blocks = []
    for block in content.get("sweeps", []):
        present = from_schema_1(block)
        for lists in ("grid", "zip"):
            if lists in present:
                present[lists] = from_schema_1(present[lists])
        blocks.append(present)
    return {**content, "schema": SCHEMA, "sweeps": blocks}


def finetuned_from_version_1(cells: pl.DataFrame) -> pl.DataFrame:
    """The stored cells of a fine-tuned language model under the present names.

    Columns that have their present names already stay as they are.
    """
    present = {old: new for new, old in FINETUNED_VERSION_1_NAMES.items()}
    return cells.rename(present, strict=False)


def cells_from_schema_1(cells: pl.DataFrame) -> pl.DataFrame:
    """The stored cells of a run of schema 1 under the present names."""
    renamed = cells.rename(_PRESENT_NAMES, strict=False)
    if "series" not in renamed.columns:
        return renamed
    points = [from_schema_1(json.loads(text)) for text in cells["series"]]
    series = [json.dumps(point, sort_keys=True) for point in points]
    return renamed.with_columns(series=pl.Series(series, dtype=pl.String))
