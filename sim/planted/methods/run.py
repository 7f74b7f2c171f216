"""The row of one cell of the comparison."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import PRNGKeyArray

from verigap.sim.models.transformer import Params, count_parameters
from verigap.sim.planted.instance import Note, PlantedInstance
from verigap.sim.planted.methods.cell import MethodsCell
from verigap.sim.planted.methods.parameters import MethodsParameters
from verigap.sim.planted.methods.selections import (
    along_candidates,
    along_votes,
    predicted_correction,
    quality,
    with_verifier,
    without_verifier,
)
from verigap.sim.planted.methods.trained import Curve, cloned, reinforcement, rejection
from verigap.sim.planted.methods.verifiers import Verifier, learned_verifier
from verigap.sim.planted.oracle import oracle_table

_PARAMETER_COLUMNS = (
    "game", "family", "horizon", "data_budget", "symbols", "vocabulary", "longest", "chi2_radius",
    "num_candidates", "trial", "task", "base_name",
)  # fmt: skip


def run_methods(
    parameters: MethodsParameters, root: PRNGKeyArray, base: Params, note: Note
) -> dict[str, Any]:
    """Train, answer and charge for every method of one cell.

    Args:
      parameters: the cell.
      root: its random stream.
      base: parameters of the pre-trained base.
      note: told what is being done.

    Returns:
      One row for the run store, without what identifies the cell.

    Raises:
      BudgetExceeded: a method was given more than the others.
    """
    cell = MethodsCell(PlantedInstance(parameters), base, root, note)
    curves: Curve = []
    rows = list(without_verifier(cell))
    curves += along_votes(cell) + along_candidates(cell, "exact", cell.own.returns)
    verifiers, qualities, corrections = [], [], []
    for spec in parameters.verifiers:
        cell.tell(f"verifier {spec.name}")
        verifier = learned_verifier(cell.key(f"verifier {spec.name}"), spec, cell.instance, base)
        judged = cell.own.judged(verifier)
        rows += with_verifier(cell, verifier, judged)
        curves += along_candidates(cell, spec.name, verifier.scores(judged))
        qualities.append(quality(verifier, cell.own, judged))
        corrections.append(
            {
                "verifier": spec.name,
                "predicted": predicted_correction(
                    cell.own, judged, parameters.num_candidates
                ).tolist(),
            }
        )
        verifiers.append(verifier)
    rows += _trained(cell, verifiers[0], curves)
    return {
        **{name: getattr(parameters, name) for name in _PARAMETER_COLUMNS},
        "parameters": count_parameters(cell.instance.config),
        **_oracle_columns(cell),
        "budget_traces": cell.budget.traces,
        "budget_training_tokens": cell.budget.training_tokens,
        "budget_answer_tokens": cell.budget.answer_tokens,
        "methods": rows,
        "verifiers": qualities,
        "corrections": corrections,
        "curves": [_EMPTY_POINT | point for point in curves],
    }


_EMPTY_POINT: dict[str, Any] = {"pass_at_n": []}


def _trained(cell: MethodsCell, verifier: Verifier, curves: Curve) -> list[dict[str, Any]]:
    rows = list(cloned(cell, curves))
    if "rejection" in cell.parameters.trained:
        rows += rejection(cell)
    return rows + list(reinforcement(cell, verifier, curves))


def _oracle_columns(cell: MethodsCell) -> dict[str, Any]:
    """What the oracle's base and the expert earn on the held-out prompts (tokens)."""
    held_out = cell.instance.base_on(cell.instance.prompts[1])
    table = oracle_table(held_out, cell.parameters.chi2_radius)
    return {
        "oracle_value": np.asarray(table.mean).tolist(),
        "oracle_sd": np.asarray(table.sd).tolist(),
        "expert_value": np.asarray(table.expert_value).tolist(),
    }
