"""How many prompts would settle a decision that is open, if the estimates stay where they are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from verigap.llm_validation.deciding.joint import JointMeans
from verigap.llm_validation.deciding.rule import (
    CONFIDENCE,
    FEWEST_MIXED,
    Decision,
    lead,
    shortfall,
)

# Beyond this many times the prompts the spread of these prompts is no guide.
_REACH = 100.0


class Settling(NamedTuple):
    """What would settle a decision.

    Attributes:
      arm: the arm that it would be settled for, of the two that it is open between; "" where that
        cannot be said.
      prompts: prompts in all, today's included; None where no number can be named.
    """

    arm: str
    prompts: int | None


def what_would_settle(
    decision: Decision,
    joint: JointMeans,
    plain: Sequence[str],
    others: Sequence[str],
    prompts: int,
) -> Settling | None:
    """Prompts that would bring a statement of the rule to probability 0.9; None once settled.

    The spread of the draws shrinks like one over the root of the number of prompts, and the means
    are taken to stay: a statement with excess a > 0 at the means and 10 % quantile q < 0 then needs
    ((a - q)/a)^2 times the prompts.

    Args:
      decision: what was decided.
      joint: of all arms.
      plain: arms that need neither a verifier nor training.
      others: arms that need one.
      prompts: prompts behind it.
    """
    if decision.arm != "undecided" or decision.reason == "nothing_to_compare":
        return None
    if decision.reason == "too_few":
        enough = math.ceil(prompts * FEWEST_MIXED / decision.mixed) if decision.mixed else None
        return Settling("", enough)
    needs, margin = {}, decision.margin.value
    # The two arms that the decision is open between, and no third one.
    for arm in filter(None, (decision.best_plain, decision.contender)):
        if arm in plain:
            draws, at_means = shortfall(joint, arm, (*plain, *others), decision.ceiling)
            needs[arm] = _factor(margin - draws, margin - at_means)
        else:
            draws, at_means = lead(joint, arm, plain, decision.ceiling)
            needs[arm] = _factor(draws - margin, at_means - margin)
    arm = min(needs, key=lambda name: needs[name])
    if needs[arm] > _REACH:
        return Settling("", None)
    return Settling(arm, math.ceil(prompts * needs[arm]))


def flips_at(
    decision: Decision, joint: JointMeans, plain: Sequence[str], others: Sequence[str]
) -> float:
    """The least gain that counts at which a settled decision would change; NaN for an open one.

    "gains" holds for every margin below it, "suffices" for every margin above it, and "no_room" for
    every one: on these prompts arms do not differ.

    Args:
      decision: what was decided.
      joint: of all arms.
      plain: arms that need neither a verifier nor training.
      others: arms that need one.
    """
    if decision.reason == "gains":
        ahead, _ = lead(joint, decision.arm, plain, decision.ceiling)
        return float(np.quantile(ahead, 1.0 - CONFIDENCE))
    if decision.reason == "no_room":
        return 0.0
    if decision.reason == "suffices":
        draws, _ = shortfall(joint, decision.arm, (*plain, *others), decision.ceiling)
        return max(0.0, float(np.quantile(draws, CONFIDENCE)))
    return math.nan


def _factor(draws: Float[np.ndarray, " B"], at_means: float) -> float:
    """How many times the prompts bring the 10 % quantile of an excess to 0."""
    if at_means <= 0:
        return math.inf
    low = float(np.quantile(draws, 1.0 - CONFIDENCE))
    return max(1.0, (at_means - low) / at_means) ** 2
