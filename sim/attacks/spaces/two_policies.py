"""Two policies on one prompt with two returns, against log-loss cloning.

The expert succeeds with probability p_e, its rival with the smallest probability whose likelihood
is no smaller than the expert's on k successes in n demonstrations. Maximum likelihood may then pick
the rival on k successes or fewer.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from math import comb

import numpy as np
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
    HORIZON,
    SUCCESS,
    success_setting,
)
from verigap.theory import Bound
from verigap.theory.arrays import Array, as_in, host_array, no_gradient, repeated, xlogy, xp
from verigap.theory.binomial import binomial_log_pmf

_TERMS = 512
"""Counts of successes that are summed over; leaving out others can only lower the chance."""

_BISECTIONS = 60
# So that the rival's likelihood is no smaller than the expert's whatever the rounding.
_JUST_ABOVE = 1.0 + 1e-9


def _log_likelihood(
    success: Float[Array, ""], successes: Float[Array, ""], traces: Float[Array, ""]
) -> Float[Array, ""]:
    misses = traces - successes
    return xlogy(successes, success) + xlogy(misses, 1.0 - success)


def _rival(
    expert: Float[Array, ""], successes: Float[Array, ""], traces: Float[Array, ""]
) -> Float[Array, ""]:
    """The rival's success: the root below k/n of its likelihood less the expert's.

    By bisection in its logarithm; one step of Newton's then carries the gradient.
    """
    goal = _log_likelihood(expert, successes, traces)
    fixed_goal, k, n = no_gradient(goal), no_gradient(successes), no_gradient(traces)
    top = xp.log(xp.maximum(k, 0.5) / n)

    def halved(ends: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = ends
        middle = 0.5 * (low + high)
        below = _log_likelihood(xp.exp(middle), k, n) < fixed_goal
        return xp.where(below, middle, low), xp.where(below, high, middle)

    _, high = repeated(halved, (top - 80.0, top), _BISECTIONS, inside=(fixed_goal, k, n))
    root = xp.exp(high)
    slope = no_gradient(successes / root - (traces - successes) / (1.0 - root))
    step = (_log_likelihood(root, successes, traces) - goal) / xp.maximum(slope, 1e-12)
    step = step - no_gradient(step)
    return xp.where(successes > 0.5, (root - step) * _JUST_ABOVE, 0.0)


def _counted(values: Values) -> tuple[Array, Array, Array]:
    """The expert's success, k, and the rival's success."""
    success, traces = values["success"], values["data_budget"]
    expert = success + values["expert_share"] * (1.0 - success)
    count = traces * expert - values["deviations"] * xp.sqrt(traces * expert * (1.0 - expert))
    count = count + no_gradient(xp.maximum(xp.floor(count), 0.0) - count)
    return expert, count, _rival(expert, count, traces)


def _measure(bound: Bound, values: Values) -> BoundedQuantity:
    expert, successes, rival = _counted(values)
    loss = values["horizon"] * (expert - rival)
    counts = successes - as_in(np.arange(_TERMS, dtype=np.float64), successes)
    logs = binomial_log_pmf(xp.maximum(counts, 0.0), values["data_budget"], expert)
    logs = xp.where(counts >= 0, logs, -1e4)
    top = no_gradient(xp.max(logs))
    log_chance = top + xp.log(xp.sum(xp.exp(logs - top)))
    setting = success_setting(values)
    if bound.statistic == "mean":
        return BoundedQuantity(setting, loss * xp.exp(log_chance))
    return exceeded(setting, loss, log_chance)


def _exact(bound: Bound, values: Mapping[str, Fraction]) -> Exact | None:
    traces = int(values["data_budget"])
    if traces > 256:
        return None
    _, successes, rival = _counted({name: host_array(float(v)) for name, v in values.items()})
    k, q = int(successes), Fraction(float(rival))
    p = values["success"] + values["expert_share"] * (1 - values["success"])
    # A rival that is too weak is never picked.
    if q**k * (1 - q) ** (traces - k) < p**k * (1 - p) ** (traces - k):
        return Exact(Fraction(0))
    chance = sum(
        (comb(traces, i) * p**i * (1 - p) ** (traces - i) for i in range(k + 1)), Fraction(0)
    )
    loss = values["horizon"] * (p - q)
    return Exact(loss * chance) if bound.statistic == "mean" else Exact(loss, chance)


SPACE = SearchSpace(
    name="two-policies",
    title="two policies on one prompt with two returns, against cloning",
    parameters=(
        Parameter(name="data_budget", low=1.0, high=1e6, logarithmic=True, whole=True),
        Parameter(name="deviations", low=1e-3, high=30.0, logarithmic=True),
        SUCCESS,
        Parameter(name="expert_share", low=1e-3, high=0.999, logarithmic=True),
        HORIZON,
    ),
    bounds=("VF-UPPER", "VF-UPPER-EXPECTATION", "CONTROL-VF-UPPER-HALVED"),
    measure=_measure,
    exact=_exact,
)
