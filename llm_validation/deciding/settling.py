"""How many prompts would settle a decision that is open, if the estimates stay where they are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from verigap.llm_validation.deciding.joint import JointMeans
from verigap.llm_validation.deciding.rule import CONFIDENCE, FEWEST_MIXED, Decision

# Beyond this many times the prompts the spread of these prompts is no guide.
_REACH = 100.0


class Settling(NamedTuple):
    """What would settle a decision.

    Attributes:
      arm: the arm that it would be settled for; "" where that cannot be said.
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
    mixed: int,
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
      mixed: those on which samples differ.
    """
    if decision.arm != "undecided" or decision.reason == "nothing_to_compare":
        return None
    if decision.reason == "too_few":
        enough = math.ceil(prompts * FEWEST_MIXED / mixed) if mixed else None
        return Settling("", enough)
    needs = {}
    if decision.best_other:
        needs[decision.best_other] = _factor(_excess_of_gain(joint, decision, plain))
    for arm in plain:
        needs[arm] = _factor(_excess_of_enough(joint, decision, arm, (*plain, *others)))
    arm = min(needs, key=lambda name: needs[name])
    if needs[arm] > _REACH:
        return Settling("", None)
    return Settling(arm, math.ceil(prompts * needs[arm]))


def flips_at(
    decision: Decision, joint: JointMeans, plain: Sequence[str], others: Sequence[str]
) -> float:
    """The least gain that counts at which a settled decision would change; NaN for an open one.

    "gains" holds for every margin below it, "suffices" for every margin above it.

    Args:
      decision: what was decided.
      joint: of all arms.
      plain: arms that need neither a verifier nor training.
      others: arms that need one.
    """
    if decision.reason == "gains":
        ahead = joint.draws[decision.arm] - np.max([joint.draws[arm] for arm in plain], axis=0)
        return float(np.quantile(ahead, 1.0 - CONFIDENCE))
    if decision.reason == "suffices":
        highest = np.max([joint.draws[arm] for arm in (*plain, *others)], axis=0)
        return max(0.0, float(np.quantile(highest - joint.draws[decision.arm], CONFIDENCE)))
    return math.nan


def _excess_of_gain(
    joint: JointMeans, decision: Decision, plain: Sequence[str]
) -> tuple[float, Float[np.ndarray, " B"]]:
    best = np.max([joint.draws[arm] for arm in plain], axis=0)
    at_means = joint.means[decision.best_other] - max(joint.means[arm] for arm in plain)
    margin = decision.margin.value
    return at_means - margin, joint.draws[decision.best_other] - best - margin


def _excess_of_enough(
    joint: JointMeans, decision: Decision, arm: str, every: Sequence[str]
) -> tuple[float, Float[np.ndarray, " B"]]:
    best = np.max([joint.draws[name] for name in every], axis=0)
    at_means = joint.means[arm] - max(joint.means[name] for name in every)
    margin = decision.margin.value
    return at_means + margin, joint.draws[arm] - best + margin


def _factor(excess: tuple[float, Float[np.ndarray, " B"]]) -> float:
    """How many times the prompts bring the 10 % quantile of the excess to 0."""
    at_means, draws = excess
    if at_means <= 0:
        return math.inf
    low = float(np.quantile(draws, 1.0 - CONFIDENCE))
    return max(1.0, (at_means - low) / at_means) ** 2
