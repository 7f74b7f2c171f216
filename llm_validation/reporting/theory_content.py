"""The theory's part of a group as plain dictionaries and lists."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from verigap.llm_validation.predicting.content import (
    cell_content,
    crossovers_content,
    statistic_content,
)
from verigap.llm_validation.predicting.prediction import GroupPrediction
from verigap.llm_validation.reporting.diagnosis import GroupDiagnosis, Theory


def theory_content(group: GroupDiagnosis, theory: Theory) -> dict[str, Any]:
    """The predicted and the measured gap in returns, and the place in the phase diagram.

    Args:
      group: of a diagnosis.
      theory: of the group.
    """
    measured = theory.measurement
    predicted = [cell_content(cell) for cell in theory.prediction.cells]
    found = _measured(theory, group.decisions.seed)
    return {
        "horizon": theory.horizon,
        "data_budget": theory.data_budget,
        "num_candidates": measured.num_candidates,
        "chi2_radius": measured.chi2_radius,
        "expert_share": measured.expert_share,
        "gap_predicted": predicted,
        "gap_measured": found,
        "comparison": _comparison(predicted, found, theory.score.held_out),
        "prediction": _prediction(theory.prediction),
        "prediction_score": {
            "prompts": theory.score.prompts,
            "splits": theory.score.splits,
            "held_out": [
                {"horizon": horizon, "data_budget": n} for horizon, n in theory.score.held_out
            ],
            "methods": [asdict(method) for method in theory.score.methods],
        },
        "phase": None if theory.phase is None else dict(theory.phase),
        "features": list(measured.features),
        "warnings": _warnings(group, theory),
    }


def _warnings(group: GroupDiagnosis, theory: Theory) -> list[str]:
    """What the stages say; they name the same trouble alike up to the first colon."""
    stages = (theory.measurement.warnings, group.fit.warnings, theory.prediction.warnings)
    named: dict[str, str] = {}
    for warning in (warning for stage in stages for warning in stage):
        named.setdefault(warning.partition(":")[0], warning)
    return list(named.values())


def _measured(theory: Theory, seed: int) -> list[dict[str, Any]]:
    measured = theory.measurement
    if not measured.tested.any():
        return []
    leashed, unleashed = (measured.gap(leashed=on_leash, seed=seed) for on_leash in (True, False))
    if all(math.isnan(gap.estimate) for gap in (*leashed.values(), *unleashed.values())):
        return []
    return [
        {
            "horizon": horizon,
            "data_budget": n,
            "extrapolated": beyond,
            "gap": leashed[horizon, n]._asdict(),
            "gap_unleashed": unleashed[horizon, n]._asdict(),
        }
        for horizon, beyond in zip(measured.horizons, measured.extrapolated, strict=True)
        for n in measured.data_budgets
    ]


def _comparison(
    predicted: Sequence[Mapping[str, Any]],
    measured: Sequence[Mapping[str, Any]],
    held_out: Collection[tuple[int, int]],
) -> list[dict[str, Any]]:
    """The cells that were both predicted and measured, on the same leash."""
    expected = {(cell["horizon"], cell["data_budget"]): cell["gap"] for cell in predicted}
    return [
        {
            "horizon": at[0],
            "data_budget": at[1],
            "held_out": at in held_out,
            "predicted": expected[at],
            "measured": cell["gap"],
        }
        for cell in measured
        if (at := (cell["horizon"], cell["data_budget"])) in expected
    ]


def _prediction(prediction: GroupPrediction) -> dict[str, Any]:
    return {
        "predictor": prediction.predictor,
        "log2_class_size": statistic_content(prediction.log2_class_size),
        "class_size_source": prediction.class_size_source,
        "chi2_radius": prediction.chi2_radius,
        "num_candidates": prediction.num_candidates,
        "false_positive": prediction.false_positive,
        "false_negative": prediction.false_negative,
        "crossover_data_budget": crossovers_content(prediction.crossover_data_budget),
        "crossover_horizon": crossovers_content(prediction.crossover_horizon),
    }
