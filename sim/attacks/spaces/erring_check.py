"""A check that denies the success of some prompts, and a rival that denies that of another.

On a share a_0 of the prompts the truth pays traces of base mass p with H, and the check, which
labels, pays nothing. On another share a the check is right, and a rival pays nothing. Pessimism
loses all on the first prompts, as it is indifferent there, and on the others if the rival is left.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from jaxtyping import Float

from verigap.sim.attacks.space import BoundedQuantity, Exact, Parameter, SearchSpace, Values
from verigap.sim.attacks.spaces.success_law import (
    EXPERT_SHARE,
    HORIZON,
    SUCCESS,
    Rivals,
    enumerable,
    lost_share,
    lost_share_exactly,
    success_setting,
)
from verigap.theory import Bound
from verigap.theory.arrays import Array, xp


def _measure(bound: Bound, values: Values) -> BoundedQuantity:
    mass, denied = _masses(values)
    error = mass * values["success"]
    rivals = Rivals(xp.zeros_like(error), error, values["data_budget"])
    lost = values["horizon"] * lost_share(values) * (denied + mass * xp.exp(rivals.log_one_left()))
    return BoundedQuantity(success_setting(values, label_error=denied * values["success"]), lost)


def _masses(values: Values) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """Shares of the prompts that the rival and that the check denies."""
    mass = values["prompt_share"]
    return mass, values["denied_share"] * (1.0 - mass)


def _exact(bound: Bound, values: Mapping[str, Fraction]) -> Exact | None:
    if not enumerable(values):
        return None
    mass = values["prompt_share"]
    denied = values["denied_share"] * (1 - mass)
    left = (1 - mass * values["success"]) ** int(values["data_budget"])
    return Exact(values["horizon"] * lost_share_exactly(values) * (denied + mass * left))


SPACE = SearchSpace(
    name="erring-check",
    title="a check that denies some prompts and a rival that denies another, against pessimism",
    parameters=(
        Parameter(name="data_budget", low=1.0, high=1e6, logarithmic=True, whole=True),
        Parameter(name="prompt_share", low=1e-6, high=1.0, logarithmic=True),
        Parameter(name="denied_share", low=1e-6, high=1.0, logarithmic=True),
        SUCCESS,
        EXPERT_SHARE,
        HORIZON,
    ),
    bounds=("VB-UPPER-ERRORS",),
    measure=_measure,
    exact=_exact,
)
