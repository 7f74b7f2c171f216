"""Results of a sweep as one table of cells by learners."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

_CELL = {
    "mean": "base_mean",
    "sd": "base_sd",
}
_LEARNER = {
    "mean": "risk",
    "variance": "risk_variance",
    "total_variance": "risk_total_variance",
    "leashed_mean": "leashed_risk",
    "leashed_variance": "leashed_risk_variance",
    "exact": "exact_risk",
    "exact_error": "exact_risk_error",
}


def cells_by_learners(rows: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """One row a cell and learner.

    The first columns describe the cell (`cell`, `block`, `game`, `horizon`, `data_budget`, ...),
    then come those of the learner. Of simulated games: `risk`, the mean suboptimality over the
    replicates in tokens, `risk_variance`, the same on the leash, `risk_total_variance`,
    `exact_risk` (NaN where it is known by simulation alone) and how far that may be from the mean
    risk, `exact_risk_error`; older runs lack the variance of all prompts and this error. Of trained
    networks: means over the held-out prompts of `value`, `leashed` and more. Where methods were
    compared: `method` and `verifier` in place of the learner, and what each was given.

    Args:
      rows: cells as a run store gives them.

    Example:
      >>> from verigap.sim.sweeps import cells_by_learners, read_rows
      >>> table = cells_by_learners(read_rows("docs/runs/quickstart"))
      >>> {"horizon", "data_budget", "learner", "risk"} <= set(table.columns)
      True
    """
    flat: list[dict[str, Any]] = []
    for row in rows:
        cell = _renamed(row, _CELL)
        flat += [cell | _renamed(entry, _LEARNER) for entry in row.get("learners") or ()]
        flat += [
            cell | {str(key): _over_prompts(value) for key, value in entry.items()}
            for entry in [*(row.get("policies") or ()), *(row.get("methods") or ())]
        ]
    return pl.DataFrame(flat, infer_schema_length=None)


def _renamed(entry: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """The single values of an entry, under the names of the table."""
    return {str(names.get(key, key)): value for key, value in entry.items() if _scalar(value)}


def _scalar(value: object) -> bool:
    return value is not None and not isinstance(value, (list, tuple, dict))


def _over_prompts(value: Any) -> Any:
    return float(np.mean(value)) if isinstance(value, list) else value
