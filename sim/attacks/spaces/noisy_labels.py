"""One rival that denies the success of a prompt, and labels that are wrong by chance.

The rival fits as well as the truth where at least half of the labels that tell the two apart are
wrong. Pessimism is then indifferent on the prompt, and may lose all there.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from math import comb

import numpy as np
from jaxtyping import Float

from verigap.sim.attacks.space import BoundedQuantity, Exact, Parameter, SearchSpace, Values
from verigap.sim.attacks.spaces.success_law import (
    EXPERT_SHARE,
    HORIZON,
    SUCCESS,
    lost_share,
    lost_share_exactly,
    success_setting,
)
from verigap.theory import Bound
from verigap.theory.arrays import Array, as_in, xp
from verigap.theory.binomial import binomial_log_pmf

_MOST_TOLD = 64
"""Telling labels that are summed over; leaving out more can only lower the risk."""


def _rival_fits(
    traces: Float[Array, ""], error: Float[Array, ""], noise: Float[Array, ""]
) -> Float[Array, ""]:
    """At least the chance that the rival disagrees with no more labels than the truth."""
    numbers = np.arange(_MOST_TOLD, dtype=np.float64)
    told = as_in(numbers, traces)
    chances = xp.exp(binomial_log_pmf(told, traces, error))
    wrong = as_in(np.broadcast_to(numbers, (_MOST_TOLD, _MOST_TOLD)), traces)
    mistaken = xp.exp(binomial_log_pmf(wrong, told[:, None], noise))
    half = as_in(2.0 * numbers[None, :] >= numbers[:, None], traces)
    return xp.sum(chances * xp.sum(half * mistaken, axis=-1))


def _measure(bound: Bound, values: Values) -> BoundedQuantity:
    mass, noise = values["prompt_share"], values["label_noise"]
    fits = _rival_fits(values["data_budget"], mass * values["success"], noise)
    lost = values["horizon"] * mass * lost_share(values) * fits
    return BoundedQuantity(success_setting(values, label_noise=noise), lost)


def _exact(bound: Bound, values: Mapping[str, Fraction]) -> Exact | None:
    if values["data_budget"] > 64:
        return None
    traces = int(values["data_budget"])
    mass, noise = values["prompt_share"], values["label_noise"]
    error = mass * values["success"]
    fits = Fraction(0)
    for told in range(traces + 1):
        mistaken = sum(
            (
                comb(told, wrong) * noise**wrong * (1 - noise) ** (told - wrong)
                for wrong in range((told + 1) // 2, told + 1)
            ),
            Fraction(0),
        )
        fits += comb(traces, told) * error**told * (1 - error) ** (traces - told) * mistaken
    return Exact(values["horizon"] * mass * lost_share_exactly(values) * fits)


SPACE = SearchSpace(
    name="noisy-labels",
    title="a rival that denies one prompt, labels wrong by chance, against pessimism",
    parameters=(
        Parameter(name="data_budget", low=1.0, high=1e6, logarithmic=True, whole=True),
        Parameter(name="label_noise", low=0.01, high=0.49, logarithmic=True),
        Parameter(name="prompt_share", low=1e-6, high=1.0, logarithmic=True),
        SUCCESS,
        EXPERT_SHARE,
        HORIZON,
    ),
    bounds=("VB-UPPER-NOISE",),
    measure=_measure,
    exact=_exact,
)
