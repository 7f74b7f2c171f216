"""Rewards that move the success of one prompt each to other traces, against the conditional policy.

All rewards pay as many traces of every prompt, so that J* and c* are the same for all of them. A
rival pays a share of the truth's traces nothing, and others of the same mass in their place; the
learner trusts the worst survivor, and plays all the traces that it pays.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from verigap.sim.attacks.space import BoundedQuantity, Exact, Parameter, SearchSpace, Values
from verigap.sim.attacks.spaces.success_law import (
    EXPERT_SHARE,
    HORIZON,
    SUCCESS,
    Rivals,
    enumerable,
    ratio_of_expert,
    some_left_exactly,
    success_setting,
)
from verigap.theory import Bound
from verigap.theory.arrays import xp
from verigap.theory.bounds.assumptions import SAME_LEVEL


def _measure(bound: Bound, values: Values) -> BoundedQuantity:
    success, moved = values["success"], values["moved_share"]
    log_count = xp.log(xp.exp2(values["log2_class_size"]) - 1.0)
    mass = values["prompt_share"] * xp.exp(-log_count)
    error = 2.0 * mass * moved * success
    some = xp.exp(Rivals(log_count, error, values["data_budget"]).log_some_left())
    # On a prompt of which it is right the learner always succeeds, and may beat the expert.
    ahead = values["prompt_share"] * (1.0 - success * ratio_of_expert(values))
    return BoundedQuantity(
        success_setting(values), values["horizon"] * (mass * moved * some - ahead)
    )


def _exact(bound: Bound, values: Mapping[str, Fraction]) -> Exact | None:
    if not enumerable(values):
        return None
    success, moved = values["success"], values["moved_share"]
    count = 2 ** int(values["log2_class_size"]) - 1
    mass = values["prompt_share"] / count
    some = some_left_exactly(count, 2 * mass * moved * success, int(values["data_budget"]))
    value = success * (1 + values["expert_share"] * (1 / success - 1))
    return Exact(values["horizon"] * (mass * moved * some - values["prompt_share"] * (1 - value)))


SPACE = SearchSpace(
    name="permuted-rewards",
    title="rewards that move the success of one prompt each, against the conditional policy",
    parameters=(
        Parameter(name="data_budget", low=1.0, high=1e9, logarithmic=True, whole=True),
        Parameter(name="log2_class_size", low=1.0, high=20.0, whole=True),
        Parameter(name="prompt_share", low=1e-6, high=1.0, logarithmic=True),
        Parameter(name="moved_share", low=1e-3, high=1.0, logarithmic=True),
        SUCCESS,
        EXPERT_SHARE,
        HORIZON,
    ),
    bounds=("VB-UPPER-PLUG-IN",),
    measure=_measure,
    exact=_exact,
    declared=(SAME_LEVEL,),
)
