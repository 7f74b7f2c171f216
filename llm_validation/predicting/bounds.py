"""The bounds of the registry beside a prediction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from verigap.llm_validation.predicting.draws import Assumptions
from verigap.llm_validation.predicting.group_laws import success
from verigap.theory import BOUNDS, RewardLaw, Setting, equiprobable_atoms
from verigap.theory.arrays import host_array

_BESIDE = tuple(
    name
    for name, bound in sorted(BOUNDS.items())
    if bound.quantity != "matching" and name not in ("VF-LOWER-SHARP", "VF-LOWER-MEDIAN")
)
"""The bounds on a risk or a gap that are quick to evaluate."""


def bounds_beside(
    law: RewardLaw, horizon: int, given: Assumptions, data_budgets: Sequence[int], atoms: int
) -> list[dict[str, float]]:
    """The bounds that are proved in the setting of each n, by registry name.

    The bounds speak of K equally likely traces, so the law is quantised to as many as a pool has.
    Those with an assumption that fails are left out: with a check that errs, all that suppose exact
    labels, and with a class size that is not a whole number, all of them.

    Args:
      law: reward laws of the prompts, shape (P, K).
      horizon: H.
      given: what the prediction takes as given.
      data_budgets: n.
      atoms: K of the quantised law.
    """
    whole, _ = equiprobable_atoms(law.in_numpy(), atoms)
    right = success(law)
    label_error = (1 - right) * given.false_positive + right * given.false_negative
    numbers = {
        "horizon": horizon,
        "log2_class_size": given.log2_class_size,
        f"{given.leash.divergence}_radius": given.leash.radius,
        "expert_radius": given.leash.radius,
        "failure_probability": given.failure_probability,
        "num_candidates": given.num_candidates,
        "label_error": float(label_error.mean()),
    }
    shared: dict[str, Any] = {name: host_array(value) for name, value in numbers.items()}
    found = []
    for n in data_budgets:
        setting = Setting.from_law(whole, data_budget=host_array(n), **shared)
        held = [name for name in _BESIDE if bool(BOUNDS[name].assumptions_hold(setting))]
        found.append({name: float(BOUNDS[name].value(setting)) for name in held})
    return found
