"""The bounds of the registry beside a prediction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from verigap.llm_validation.predicting.draws import Assumptions
from verigap.llm_validation.predicting.group_laws import success
from verigap.theory import BOUNDS, RewardLaw, Setting, equiprobable_atoms

_BESIDE = tuple(
    name
    for name, bound in BOUNDS.items()
    if bound.quantity != "matching" and name not in ("VF-LOWER-SHARP", "VF-LOWER-MEDIAN")
)
"""The bounds on a risk or a gap that are quick to evaluate."""


@jax.jit
def _evaluate(setting_of: Mapping[str, Any], law: RewardLaw, data_budgets: Float[Array, " n"]):
    """Values of the bounds, and whether their assumptions hold, at every n."""

    def one(data_budget: Float[Array, ""]):
        setting = Setting.from_law(law, data_budget=data_budget, **setting_of)
        return {
            name: (BOUNDS[name].value(setting), BOUNDS[name].assumptions_hold(setting))
            for name in _BESIDE
        }

    return jax.vmap(one)(data_budgets)


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
    whole, _ = equiprobable_atoms(RewardLaw(law.atoms, law.probabilities), atoms)
    right = success(law)
    label_error = (1 - right) * given.false_positive + right * given.false_negative
    setting = {
        "horizon": horizon,
        "log2_class_size": given.log2_class_size,
        f"{given.leash.divergence}_radius": given.leash.radius,
        "expert_radius": given.leash.radius,
        "failure_probability": given.failure_probability,
        "num_candidates": given.num_candidates,
        "label_error": float(label_error.mean()),
    }
    numbers = {name: jnp.asarray(float(value)) for name, value in setting.items()}
    found = jax.device_get(_evaluate(numbers, whole, jnp.asarray(data_budgets, float)))
    return [
        {name: float(values[index]) for name, (values, held) in found.items() if held[index]}
        for index in range(len(data_budgets))
    ]
