"""Where more candidates stop helping: arms whose accuracy falls with N."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from verigap.llm_validation.deciding.joint import JointMeans
from verigap.llm_validation.deciding.rule import CONFIDENCE
from verigap.llm_validation.intervals import Statistic


class Fall(NamedTuple):
    """An arm that is worse at the largest N than at a smaller one.

    Attributes:
      arm: its name.
      peak: the N of its largest mean.
      last: the largest N.
      at_peak, at_last: its means there.
      below_single: value at the largest N less that of one random sample.
    """

    arm: str
    peak: int
    last: int
    at_peak: Statistic
    at_last: Statistic
    below_single: Statistic


def falls(at: Mapping[int, JointMeans], least: float) -> list[Fall]:
    """Arms whose mean at the largest N is below that of their peak, with probability 0.9.

    Args:
      at: joint means by N, over the same prompts and with the same seed, so that draws are joint
        over N as well.
      least: the least fall that counts, in the unit of the values.
    """
    last = max(at)
    found = []
    for arm in at[last].means:
        if arm in ("single", "exact"):
            continue
        peak = max(at, key=lambda n: at[n].means[arm])
        lost = at[peak].draws[arm] - at[last].draws[arm]
        if peak < last and (lost > least).mean() >= CONFIDENCE:
            found.append(
                Fall(
                    arm,
                    peak,
                    last,
                    at[peak].value(arm),
                    at[last].value(arm),
                    at[last].difference(arm, "single"),
                )
            )
    return found
