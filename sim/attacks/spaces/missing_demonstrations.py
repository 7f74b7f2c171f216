"""Policies that fail on one prompt each, against cloning of an expert that never fails.

Rival j does as the expert but on its own prompt, of mass a, where it gets nothing. Without a
demonstration on that prompt the two are equally likely, and maximum likelihood may pick the rival.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from verigap.sim.attacks.space import (
    BoundedQuantity,
    Exact,
    Parameter,
    SearchSpace,
    Values,
    exceeded,
)
from verigap.sim.attacks.spaces.success_law import (
    HORIZON,
    NEVER_FAILING,
    SUCCESS,
    Rivals,
    enumerable,
    some_left_exactly,
    success_setting,
)
from verigap.theory import Bound
from verigap.theory.arrays import xp


def _measure(bound: Bound, values: Values) -> BoundedQuantity:
    log_count = xp.log(xp.exp2(values["log2_class_size"]) - 1.0)
    mass = values["prompt_share"] * xp.exp(-log_count)
    log_chance = Rivals(log_count, mass, values["data_budget"]).log_some_left()
    loss = values["horizon"] * mass
    setting = success_setting(values)
    if bound.statistic == "mean":
        return BoundedQuantity(setting, loss * xp.exp(log_chance))
    return exceeded(setting, loss, log_chance)


def _exact(bound: Bound, values: Mapping[str, Fraction]) -> Exact | None:
    if not enumerable(values):
        return None
    count = 2 ** int(values["log2_class_size"]) - 1
    mass = values["prompt_share"] / count
    loss = values["horizon"] * mass
    chance = some_left_exactly(count, mass, int(values["data_budget"]))
    return Exact(loss * chance) if bound.statistic == "mean" else Exact(loss, chance)


SPACE = SearchSpace(
    name="missing-demonstrations",
    title="policies that fail on one prompt each, against cloning of an expert that never fails",
    parameters=(
        Parameter(name="data_budget", low=1.0, high=1e9, logarithmic=True, whole=True),
        Parameter(name="log2_class_size", low=1.0, high=20.0, whole=True),
        Parameter(name="prompt_share", low=1e-6, high=0.99, logarithmic=True),
        SUCCESS,
        NEVER_FAILING,
        HORIZON,
    ),
    bounds=("VF-UPPER", "VF-UPPER-EXPECTATION", "CONTROL-VF-UPPER-HALVED"),
    measure=_measure,
    exact=_exact,
)
