"""The theory's part of a group as plain dictionaries and lists."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from verigap.llm_validation.intervals import Statistic
from verigap.llm_validation.predicting.calibration import held_out_cells
from verigap.llm_validation.predicting.content import (
    cell_content,
    crossovers_content,
    statistic_content,
)
from verigap.llm_validation.predicting.prediction import GroupPrediction
from verigap.llm_validation.reporting.diagnosis import GroupDiagnosis, Theory
from verigap.llm_validation.reporting.numbers import spanned
from verigap.llm_validation.reporting.standing_content import standing_content
from verigap.storage.units import LengthUnit

# Of a gap, over H.
_ROUNDING = 1e-9


def theory_content(group: GroupDiagnosis, theory: Theory) -> dict[str, Any]:
    """The predicted and the measured gap in returns, and the place in the phase diagram.

    Args:
      group: of a diagnosis.
      theory: of the group.
    """
    measured = theory.measurement
    predicted = [cell_content(cell) for cell in theory.prediction.cells]
    found = _measured(theory, group.decisions.seed)
    unseen = held_out_cells(measured.horizons, measured.data_budgets)
    comparison = _comparison(predicted, found, unseen)
    return {
        "sentence": _in_short(theory, predicted, comparison, group.pools.unit),
        "horizon": theory.horizon,
        "data_budget": theory.data_budget,
        "num_candidates": measured.num_candidates,
        "chi2_radius": measured.leash.radius,
        "expert_share": measured.expert_share,
        "gap_predicted": predicted,
        "gap_measured": found,
        "comparison": comparison,
        "prediction": _prediction(theory.prediction),
        "phase": None if theory.phase is None else dict(theory.phase),
        "standing": None
        if theory.standing is None
        else standing_content(theory.standing, group.pools.unit),
        "features": list(measured.features),
        "warnings": _warnings(group, theory),
    }


def _in_short(
    theory: Theory,
    predicted: Sequence[Mapping[str, Any]],
    comparison: Sequence[Mapping[str, Any]],
    unit: LengthUnit,
) -> str:
    """What is predicted for the n and the leash of the box, beside what was measured.

    "" where nothing is.
    """
    at = (theory.horizon, theory.data_budget)
    cell = next((row for row in predicted if _place(row) == at), None)
    if cell is None or math.isnan(cell["gap"]["estimate"]):
        return ""
    text = (
        f"Theory counts returns ({unit.of_correct_trace}), not accuracy: for H = {at[0]:,} and n = "
        f"{at[1]:,} it predicts that a policy that verifies earns {_more(cell['gap'], at[0])} "
        f"{unit} than one that clones"
    )
    beside = next((row for row in comparison if _place(row) == at), None)
    if beside is None or math.isnan(beside["measured"]["estimate"]):
        return f"{text}."
    return f"{text}; measured on these traces: {_more(beside['measured'], at[0])}."


def _place(row: Mapping[str, Any]) -> tuple[int, int]:
    return row["horizon"], row["data_budget"]


def _more(gap: Mapping[str, float], horizon: int) -> str:
    """A gap as "5 [3, 7] more" or "5 [3, 7] fewer"; what rounding leaves of 0 is 0."""
    ends = (gap["estimate"], gap["low"], gap["high"])
    value = Statistic(*(0.0 if abs(end) < _ROUNDING * horizon else end for end in ends))
    if value.estimate < 0:
        value = Statistic(-value.estimate, -value.high, -value.low)
        return f"{spanned(value)} fewer"
    return f"{spanned(value)} more"


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
        "chi2_radius": prediction.leash.radius,
        "num_candidates": prediction.num_candidates,
        "false_positive": prediction.false_positive,
        "false_negative": prediction.false_negative,
        "crossover_data_budget": crossovers_content(prediction.crossover_data_budget),
        "crossover_horizon": crossovers_content(prediction.crossover_horizon),
    }
