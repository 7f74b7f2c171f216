"""The regimes in which the worst instance is looked for."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from jaxtyping import Float

from verigap.sim.attacks.space import SearchSpace
from verigap.theory import Bound, Setting
from verigap.theory.arrays import Array, xp


@dataclass(frozen=True, kw_only=True)
class Regime:
    """A part of every search space.

    Attributes:
      ranges: what parameters are confined to, by their names.
      share_of_stake: the bound's value is at most this share of what is at stake (`stake`).
    """

    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    share_of_stake: float = math.inf


REGIMES: Mapping[str, Regime] = {
    "anywhere": Regime(),
    "informative": Regime(share_of_stake=0.5),
    "small n": Regime(ranges={"data_budget": (1.0, 16.0)}),
    "large n": Regime(ranges={"data_budget": (256.0, math.inf)}),
    "weak expert": Regime(ranges={"expert_share": (0.0, 0.1)}),
    "strong expert": Regime(ranges={"expert_share": (0.5, 1.0)}),
    "rare success": Regime(ranges={"success": (0.0, 1.0 / 16.0)}),
    "large class": Regime(ranges={"log2_class_size": (10.0, math.inf)}),
}
"""Every regime by its name. Many a bound is met where it says nothing; the informative instances
are those where it is at most half of what is at stake."""


def stake(bound: Bound, setting: Setting) -> Float[Array, ""]:
    """What a bound would be if it said nothing: the largest risk, gap or probability there is.

    The expert's return for an upper bound on a risk, its gain over the base for a lower bound or a
    gap (tokens), 1 for a probability.
    """
    if bound.quantity == "matching":
        return xp.ones_like(setting.horizon)
    if bound.direction == "upper":
        return setting.expert_mean_max
    return xp.mean(setting.best.gain)


def ranges_in(space: SearchSpace, regime: Regime) -> tuple[tuple[float, float], ...] | None:
    """Ends of every parameter's range in a regime, in the order of the space's parameters.

    Returns:
      None where the space has no instance in the regime, or lacks a parameter that it confines.
    """
    if not regime.ranges.keys() <= {parameter.name for parameter in space.parameters}:
        return None
    ranges = []
    for parameter in space.parameters:
        low, high = regime.ranges.get(parameter.name, (parameter.low, parameter.high))
        low, high = max(low, parameter.low), min(high, parameter.high)
        if low > high:
            return None
        ranges.append((low, high))
    return tuple(ranges)
