"""A reward estimate that cannot tell two equally likely traces apart.

The estimate is H/2 for both traces; one earns epsilon_R more and the other as much less. Pessimism
plays the base, which loses what the expert gains. Best-of-N may break its ties the wrong way: it
misses the worse trace only if all N draws are of the better one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction

import numpy as np

from verigap.sim.attacks.space import BoundedQuantity, Exact, Parameter, SearchSpace, Values
from verigap.sim.attacks.spaces.success_law import EXPERT_SHARE, HORIZON
from verigap.theory import Bound, RewardLaw, Setting
from verigap.theory.arrays import as_in, xp


def _setting(values: Values) -> Setting:
    horizon, share = values["horizon"], values["expert_share"]
    error = 0.5 * horizon * values["error_share"]
    signs = as_in(np.asarray([[-1.0, 1.0]]), horizon)
    return Setting.from_law(
        RewardLaw.equiprobable(0.5 * horizon + signs * error),
        horizon=horizon,
        data_budget=xp.ones_like(horizon),
        log2_class_size=xp.ones_like(horizon),
        chi2_radius=share**2,
        reward_error=error,
    )


def _pessimism(bound: Bound, values: Values) -> BoundedQuantity:
    setting = _setting(values)
    return BoundedQuantity(setting, setting.reward_error * values["expert_share"])


def _best_of_n(bound: Bound, values: Values) -> BoundedQuantity:
    draws = values["num_candidates"]
    setting = replace(_setting(values), num_candidates=draws)
    fooled = 1.0 - xp.exp2(1.0 - draws)
    return BoundedQuantity(setting, setting.reward_error * (values["expert_share"] + fooled))


def _pessimism_exactly(bound: Bound, values: Mapping[str, Fraction]) -> Exact:
    error = values["horizon"] * values["error_share"] / 2
    return Exact(error * values["expert_share"])


def _best_of_n_exactly(bound: Bound, values: Mapping[str, Fraction]) -> Exact | None:
    draws = int(values["num_candidates"])
    if draws > 4096:
        return None
    error = values["horizon"] * values["error_share"] / 2
    return Exact(error * (values["expert_share"] + 1 - Fraction(2, 2**draws)))


_ERROR_SHARE = Parameter(name="error_share", low=1e-3, high=1.0, logarithmic=True)

PESSIMISM = SearchSpace(
    name="flat-estimate",
    title="a reward estimate that cannot tell two traces apart, against pessimism",
    parameters=(_ERROR_SHARE, EXPERT_SHARE, HORIZON),
    bounds=("VB-UPPER-MEAN-SQUARE",),
    measure=_pessimism,
    exact=_pessimism_exactly,
)
BEST_OF_N = SearchSpace(
    name="flat-estimate-best-of-n",
    title="a reward estimate that cannot tell two traces apart, against best-of-N",
    parameters=(
        Parameter(name="num_candidates", low=1.0, high=1e4, logarithmic=True, whole=True),
        _ERROR_SHARE,
        EXPERT_SHARE,
        HORIZON,
    ),
    bounds=("VB-UPPER-MEAN-SQUARE-BEST-OF-N",),
    measure=_best_of_n,
    exact=_best_of_n_exactly,
)
