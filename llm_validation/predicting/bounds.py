"""The bounds of the registry beside a prediction."""

from __future__ import annotations

from collections.abc import Sequence

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
def _evaluate(law: RewardLaw, horizon, data, size, radius, candidates, delta, error):
    def one(n: Float[Array, ""]):
        setting = Setting.from_law(
            law,
            horizon=horizon,
            data_budget=n,
            log2_class_size=size,
            chi2_radius=radius,
            expert_radius=radius,
            failure_probability=delta,
            num_candidates=candidates,
            label_error=error,
        )
        return {
            name: (BOUNDS[name].value(setting), BOUNDS[name].assumptions_hold(setting))
            for name in _BESIDE
        }

    return jax.vmap(one)(data)


def bounds_beside(
    law: RewardLaw, horizon: int, given: Assumptions, data: Sequence[int], atoms: int
) -> list[dict[str, float]]:
    """The bounds that are proved in the setting of each n, by registry name.

    The bounds speak of K equally likely traces, so the law is quantised to as many as a pool has.
    Those with an assumption that fails are left out: with a check that errs, all that suppose exact
    labels, and with a class size that is not a whole number, all of them.
    """
    whole, _ = equiprobable_atoms(RewardLaw(law.atoms, law.probabilities), atoms)
    right = success(law)
    error = (1 - right) * given.false_positive + right * given.false_negative
    numbers = (
        horizon, given.log2_class_size, given.radius, given.candidates,
        given.failure_probability, float(error.mean()),
    )  # fmt: skip
    at, size, radius, candidates, delta, eta = (jnp.asarray(float(n)) for n in numbers)
    found = jax.device_get(
        _evaluate(whole, at, jnp.asarray(data, float), size, radius, candidates, delta, eta)
    )
    return [
        {name: float(values[index]) for name, (values, held) in found.items() if held[index]}
        for index in range(len(data))
    ]
