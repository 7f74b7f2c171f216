"""Best-of-N with a reward that errs on one prompt, and a check that errs on others.

The truth pays traces of base mass p with H. A reward that errs denies a share of them and pays
others, of mass b, in vain; of traces that it likes equally best-of-N plays the worst. On a further
share of the prompts the reward is right.
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
    ratio_of_expert,
    success_setting,
)
from verigap.theory import Bound
from verigap.theory.arrays import Array, xp


def _power(chance: Float[Array, ""], draws: Float[Array, ""]) -> Float[Array, ""]:
    """chance^draws, with finite gradients at 0 and 1."""
    inside = xp.clip(chance, 1e-300, 1.0 - 1e-16)
    return xp.where(chance >= 1.0 - 1e-16, 1.0, xp.exp(draws * xp.log(inside)))


def _measure(bound: Bound, values: Values) -> BoundedQuantity:
    success, draws = values["success"], values["num_candidates"]
    mass, horizon = values["prompt_share"], values["horizon"]
    denied = values["missed_share"] * success
    in_vain = values["false_positive"] * (1.0 - success)
    right = 1.0 - _power(1.0 - success, draws)
    wrong = _power(1.0 - in_vain, draws) - _power(1.0 - in_vain - (success - denied), draws)
    wrong += _power(denied, draws)
    error = mass * (denied + in_vain)
    left = xp.exp(Rivals(xp.zeros_like(error), error, values["data_budget"]).log_one_left())
    goal = success * ratio_of_expert(values)
    missing = goal - right
    rest = 1.0 - mass
    erring = values["denied_share"] * rest if "denied_share" in values else xp.zeros_like(mass)
    rest = rest - erring
    lost = (erring + mass * left) * (goal - wrong) + mass * (1.0 - left) * missing
    # Elsewhere nothing pays, or the reward is right, whichever loses more.
    lost += rest * xp.maximum(missing, 0.0)
    setting = success_setting(values, num_candidates=draws, label_error=erring * (denied + in_vain))
    return BoundedQuantity(setting, horizon * lost)


def _exact(bound: Bound, values: Mapping[str, Fraction]) -> Exact | None:
    if not enumerable(values) or values["num_candidates"] > 2048:
        return None
    success, draws = values["success"], int(values["num_candidates"])
    mass = values["prompt_share"]
    denied = values["missed_share"] * success
    in_vain = values["false_positive"] * (1 - success)
    right = 1 - (1 - success) ** draws
    wrong = (1 - in_vain) ** draws - (1 - in_vain - (success - denied)) ** draws + denied**draws
    left = (1 - mass * (denied + in_vain)) ** int(values["data_budget"])
    goal = success * (1 + values["expert_share"] * (1 / success - 1))
    erring = values.get("denied_share", Fraction(0)) * (1 - mass)
    lost = (erring + mass * left) * (goal - wrong) + mass * (1 - left) * (goal - right)
    lost += (1 - mass - erring) * max(goal - right, Fraction(0))
    return Exact(values["horizon"] * lost)


_PARAMETERS = (
    Parameter(name="data_budget", low=1.0, high=1e6, logarithmic=True, whole=True),
    Parameter(name="num_candidates", low=1.0, high=1e4, logarithmic=True, whole=True),
    Parameter(name="prompt_share", low=1e-6, high=1.0, logarithmic=True),
    Parameter(name="missed_share", low=0.0, high=1.0),
    Parameter(name="false_positive", low=1e-9, high=0.5, logarithmic=True),
    SUCCESS,
    EXPERT_SHARE,
    HORIZON,
)

SPACE = SearchSpace(
    name="best-of-n",
    title="a rival that errs on one prompt, against best-of-N",
    parameters=_PARAMETERS,
    bounds=("VB-UPPER-BEST-OF-N",),
    measure=_measure,
    exact=_exact,
)

ERRING = SearchSpace(
    name="best-of-n-erring-check",
    title="a check that errs on some prompts and a rival that errs on another, against best-of-N",
    parameters=(
        *_PARAMETERS,
        Parameter(name="denied_share", low=1e-6, high=1.0, logarithmic=True),
    ),
    bounds=("VB-UPPER-ERRORS-BEST-OF-N",),
    measure=_measure,
    exact=_exact,
)
