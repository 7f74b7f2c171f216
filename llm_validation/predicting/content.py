"""A prediction as plain dictionaries and lists, ready for JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from verigap.llm_validation.intervals import LEVEL, Statistic
from verigap.llm_validation.predicting.crossover import Crossover
from verigap.llm_validation.predicting.prediction import GroupPrediction, PredictedCell


def as_content(predictions: Sequence[GroupPrediction]) -> dict[str, Any]:
    """Everything in the predictions; what is not known is NaN."""
    return {"level": LEVEL, "groups": [_group(each) for each in predictions]}


def _group(each: GroupPrediction) -> dict[str, Any]:
    return {
        "dataset": each.dataset,
        "model": each.model,
        "unit": each.unit,
        "prompts": each.prompts,
        **each.leash.radii,
        "num_candidates": each.num_candidates,
        "predictor": each.predictor,
        "log2_class_size": statistic_content(each.log2_class_size),
        "class_size_source": each.class_size_source,
        "false_positive": each.false_positive,
        "false_negative": each.false_negative,
        "base": by_number(each.base),
        "expert": by_number(each.expert),
        "cells": [cell_content(cell) for cell in each.cells],
        "crossover_data_budget": crossovers_content(each.crossover_data_budget),
        "crossover_horizon": crossovers_content(each.crossover_horizon),
        "warnings": list(each.warnings),
        **each.bi_level.content(),
    }


def by_number(values: Mapping[int, Statistic]) -> dict[str, Any]:
    """Statistics by budget."""
    return {str(key): statistic_content(value) for key, value in values.items()}


def crossovers_content(values: Mapping[int, Crossover]) -> dict[str, Any]:
    """Crossovers by budget or by n: the kind, and the place where there is one."""
    return {
        str(key): {
            "kind": value.kind,
            "at": None if value.at is None else statistic_content(value.at),
        }
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
