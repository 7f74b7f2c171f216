"""A population in which nothing is to be learnt on nearly half of the prompts.

The learner plays the base, whose risk is all that the expert gains.
"""

from __future__ import annotations

import numpy as np

from verigap.sim.attacks.space import BoundedQuantity, Parameter, SearchSpace, Values
from verigap.sim.attacks.spaces.success_law import EXPERT_SHARE, HORIZON
from verigap.theory import Bound, RewardLaw, Setting
from verigap.theory.arrays import as_in, xp

_PROMPTS = 33


def _measure(bound: Bound, values: Values) -> BoundedQuantity:
    horizon = values["horizon"]
    spread = np.arange(_PROMPTS) <= _PROMPTS // 2
    ends = as_in(np.stack([np.zeros(_PROMPTS), spread.astype(np.float64)], axis=-1), horizon)
    radius = values["expert_share"] ** 2
    setting = Setting.from_law(
        RewardLaw.equiprobable(ends * horizon),
        horizon=horizon,
        data_budget=values["data_budget"],
        log2_class_size=values["log2_class_size"],
        chi2_radius=radius,
        expert_radius=radius,
    )
    return BoundedQuantity(setting, xp.mean(setting.expert.gain))


SPACE = SearchSpace(
    name="dull-prompts",
    title="33 prompts, of which 16 have one return only, against the base itself",
    parameters=(
        Parameter(name="data_budget", low=1.0, high=500.0, logarithmic=True, whole=True),
        Parameter(name="log2_class_size", low=1.0, high=60.0, logarithmic=True, whole=True),
        Parameter(name="success", low=0.5, high=0.5),
        EXPERT_SHARE,
        HORIZON,
    ),
    bounds=("VF-LOWER-MEDIAN",),
    measure=_measure,
)
