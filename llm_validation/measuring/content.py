"""Measurements as plain dictionaries and lists, ready for JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from verigap.llm_validation.intervals import LEVEL
from verigap.llm_validation.measuring.measurement import GroupMeasurement, MeasuredCell
from verigap.llm_validation.measuring.planted_runs import FinetunedMeasurement


def as_content(
    groups: Sequence[GroupMeasurement | FinetunedMeasurement], seed: int = 0
) -> dict[str, Any]:
    """Everything measured; numbers that are not known are NaN.

    Args:
      groups: the measurements.
      seed: seed of the bootstrap of the intervals; the same seed gives the same ones.
    """
    return {"level": LEVEL, "groups": [group_content(group, seed) for group in groups]}


def group_content(group: GroupMeasurement | FinetunedMeasurement, seed: int = 0) -> dict[str, Any]:
    """One group; see `as_content`."""
    content: dict[str, Any] = {
        "dataset": group.dataset,
        "model": group.model,
        "unit": group.unit,
        "num_candidates": group.num_candidates,
        **group.leash.radii,
        "warnings": list(group.warnings),
    }
    if isinstance(group, FinetunedMeasurement):
        content |= {"learned_by": "training", "prompts": group.prompts}
        content |= {"repetitions": group.trainings}
        cells = group.cells
    else:
        content |= {
            "learned_by": group.learned_by,
            "prompts": len(group.prompt_ids),
            "repetitions": group.tested.shape[0],
            "samples": group.samples,
            "unverified": group.unverified,
            "mixed": group.mixed,
            "expert_share": group.expert_share,
            "features": list(group.features),
            **group.bi_level.content(),
        }
        cells = group.cells(seed=seed)
    return content | {"cells": [cell_content(cell) for cell in cells]}


def cell_content(cell: MeasuredCell) -> dict[str, Any]:
    """One budget and n."""
    return {
        "horizon": cell.horizon,
        "data_budget": cell.data_budget,
        "extrapolated": cell.extrapolated,
        "values": {name: value._asdict() for name, value in cell.values.items()},
        "gap": cell.gap._asdict(),
        "gap_unleashed": cell.gap_unleashed._asdict(),
    }
