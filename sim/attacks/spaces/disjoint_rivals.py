"""Rewards that deny the success of one prompt each, against version spaces with exact labels.

A share a of the prompts is rival j's own: the truth pays its traces of base mass p with H, and the
rival pays nothing there. If the rival is left and the truth with it, pessimism is indifferent on
that prompt, and may lose all there; if several are left it is not. The top-share plug-in trusts any
one that is left. Everywhere else nothing pays.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction

from jaxtyping import Float

from verigap.sim.attacks.space import (
    BoundedQuantity,
    Exact,
    Parameter,
    SearchSpace,
    Values,
    exceeded,
)
from verigap.sim.attacks.spaces.success_law import (
    EXPERT_SHARE,
    HORIZON,
    SUCCESS,
    Rivals,
    enumerable,
    lost_share,
    lost_share_exactly,
    one_left_exactly,
    some_left_exactly,
    success_setting,
)
from verigap.theory import Bound
from verigap.theory.arrays import Array, xp


def _rivals(values: Values) -> tuple[Rivals, Float[Array, ""]]:
    """The rivals, and the mass of the prompt of each."""
    log_count = xp.log(xp.exp2(values["log2_class_size"]) - 1.0)
    mass = values["prompt_share"] * xp.exp(-log_count)
    return Rivals(log_count, mass * values["success"], values["data_budget"]), mass


def _measured(
    bound: Bound, values: Values, mass: Float[Array, ""], log_chance: Float[Array, ""]
) -> BoundedQuantity:
    loss = values["horizon"] * mass * lost_share(values)
    setting = success_setting(values)
    if bound.statistic == "mean":
        return BoundedQuantity(setting, loss * xp.exp(log_chance))
    return exceeded(setting, loss, log_chance)


def _pessimism(bound: Bound, values: Values) -> BoundedQuantity:
    rivals, mass = _rivals(values)
    return _measured(bound, values, mass, rivals.log_one_left())


def _plug_in(bound: Bound, values: Values) -> BoundedQuantity:
    rivals, mass = _rivals(values)
    return _measured(bound, values, mass, rivals.log_some_left())


def _exactly(
    bound: Bound,
    values: Mapping[str, Fraction],
    left: Callable[[int, Fraction, int], Fraction],
) -> Exact | None:
    if not enumerable(values):
        return None
    count = 2 ** int(values["log2_class_size"]) - 1
    mass = values["prompt_share"] / count
    loss = values["horizon"] * mass * lost_share_exactly(values)
    chance = left(count, mass * values["success"], int(values["data_budget"]))
    return Exact(loss * chance) if bound.statistic == "mean" else Exact(loss, chance)


def _pessimism_exactly(bound: Bound, values: Mapping[str, Fraction]) -> Exact | None:
    return _exactly(bound, values, one_left_exactly)


def _plug_in_exactly(bound: Bound, values: Mapping[str, Fraction]) -> Exact | None:
    return _exactly(bound, values, some_left_exactly)


_PARAMETERS = (
    Parameter(name="data_budget", low=1.0, high=1e9, logarithmic=True, whole=True),
    Parameter(name="log2_class_size", low=1.0, high=20.0, whole=True),
    Parameter(name="prompt_share", low=1e-6, high=1.0, logarithmic=True),
    SUCCESS,
    EXPERT_SHARE,
    HORIZON,
)

PESSIMISM = SearchSpace(
    name="disjoint-rivals-pessimism",
    title="rewards that deny one prompt each, against pessimism",
    parameters=_PARAMETERS,
    bounds=(
        "VB-UPPER",
        "VB-UPPER-EXPECTATION",
        "VB-UPPER-SQUARED",
        "CONTROL-VB-UPPER-WITHOUT-COVERAGE",
    ),
    measure=_pessimism,
    exact=_pessimism_exactly,
)

PLUG_IN = SearchSpace(
    name="disjoint-rivals-plug-in",
    title="rewards that deny one prompt each, against the top-share plug-in of the worst survivor",
    parameters=_PARAMETERS,
    # docs/theory.md#vb-upper-plug-in proves them for this learner as well.
    bounds=("VB-UPPER", "VB-UPPER-EXPECTATION", "CONTROL-VB-UPPER-WITHOUT-COVERAGE"),
    measure=_plug_in,
    exact=_plug_in_exactly,
)
