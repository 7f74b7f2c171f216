"""A prediction as plain dictionaries and lists, ready for JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from verigap.llm_validation.intervals import LEVEL, Statistic
from verigap.llm_validation.predicting.prediction import GroupPrediction, PredictedCell


def as_content(predictions: Sequence[GroupPrediction]) -> dict[str, Any]:
    """Everything in the predictions; what is not known is NaN, no crossover is None."""
    return {"level": LEVEL, "groups": [_group(each) for each in predictions]}


def _group(each: GroupPrediction) -> dict[str, Any]:
    return {
        "dataset": each.dataset,
        "model": each.model,
        "unit": each.unit,
        "prompts": each.prompts,
        "chi2_radius": each.chi2_radius,
        "num_candidates": each.num_candidates,
        "log2_class_size": statistic_content(each.log2_class_size),
        "class_size_source": each.class_size_source,
        "false_positive": each.false_positive,
        "false_negative": each.false_negative,
        "chosen": each.chosen,
        "chosen_probability": each.chosen_probability,
        "base": by_number(each.base),
        "expert": by_number(each.expert),
        "predictors": {
            name: [cell_content(cell) for cell in cells] for name, cells in each.cells.items()
        },
        "chosen_cells": [cell_content(cell) for cell in each.chosen_cells],
        "crossover_data_budget": by_number(each.crossover_data_budget),
        "crossover_horizon": by_number(each.crossover_horizon),
        "warnings": list(each.warnings),
        **each.bi_level.content(),
    }


def by_number(values: Mapping[int, Statistic | None]) -> dict[str, Any]:
    """Statistics by budget or by n; None where there is none."""
    return {
        str(key): None if value is None else statistic_content(value)
        for key, value in values.items()
    }


def statistic_content(value: Statistic) -> dict[str, float]:
    """Estimate and interval."""
    return {key: float(end) for key, end in value._asdict().items()}


def cell_content(cell: PredictedCell) -> dict[str, Any]:
    """One budget and n."""
    return {
        "horizon": cell.horizon,
        "data_budget": cell.data_budget,
        "extrapolated": cell.extrapolated,
        "suboptimality": {
            name: statistic_content(value) for name, value in cell.suboptimality.items()
        },
        "gap": statistic_content(cell.gap),
        "gap_best_of_n": statistic_content(cell.gap_best_of_n),
        "bounds": dict(cell.bounds),
    }
