"""A class that misses a sure expert, against maximum likelihood.

The expert always plays the trace that earns H. One policy of the class plays it with probability
1 / (1 + chi^2), the other never. Maximum likelihood is sure to pick the first, and loses what that
one loses.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

import numpy as np

from verigap.sim.attacks.space import (
    BoundedQuantity,
    Exact,
    Parameter,
    SearchSpace,
    Values,
    exceeded,
)
from verigap.sim.attacks.spaces.success_law import HORIZON
from verigap.theory import Bound, RewardLaw, Setting
from verigap.theory.arrays import as_in, xp


def _measure(bound: Bound, values: Values) -> BoundedQuantity:
    horizon, missed = values["horizon"], values["misspecification"]
    one = xp.ones_like(horizon)
    setting = Setting.from_law(
        RewardLaw.equiprobable(as_in(np.asarray([[0.0, 1.0]]), horizon) * horizon),
        horizon=horizon,
        data_budget=values["data_budget"],
        log2_class_size=one,
        chi2_radius=one,
        misspecification=missed,
    )
    return exceeded(setting, horizon * missed / (1.0 + missed), xp.zeros_like(horizon))


def _exact(bound: Bound, values: Mapping[str, Fraction]) -> Exact:
    missed = values["misspecification"]
    return Exact(values["horizon"] * missed / (1 + missed))


SPACE = SearchSpace(
    name="missing-expert",
    title="two policies of which neither is the sure expert, against maximum likelihood",
    parameters=(
        Parameter(name="data_budget", low=1.0, high=1e6, logarithmic=True, whole=True),
        Parameter(name="misspecification", low=1e-6, high=10.0, logarithmic=True),
        HORIZON,
    ),
    bounds=("VF-UPPER-MISSPECIFIED",),
    measure=_measure,
    exact=_exact,
)
