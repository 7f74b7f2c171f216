"""What a search for the instance nearest to breaking a bound looks through."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import NamedTuple

from jaxtyping import Bool, Float

from verigap.theory import Assumption, Bound, Setting
from verigap.theory.arrays import Array, xp

Values = Mapping[str, Array]
"""The parameters of one instance by name, each a scalar in its own unit."""


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """One coordinate of a search space.

    Attributes:
      name: of the quantity, as everywhere; `success` is the base probability of a trace of the
        largest return, `expert_share` the share of what could be gained over the base that the
        expert gains, (J_e - mean)/(max R - mean).
      low, high: ends of its range, in its own unit; equal where the space fixes it.
      logarithmic: whether it is searched evenly in its logarithm.
      whole: whether it is a whole number.
    """

    name: str
    low: float
    high: float
    logarithmic: bool = False
    whole: bool = False


class BoundedQuantity(NamedTuple):
    """An instance as a bound sees it, and the exact quantity that it bounds.

    Attributes:
      setting: what the bound is a function of.
      quantity: risk or gap in tokens, or probability of a match. Where only ends of it are known,
        the end at which a violation is certain: the lower one for an upper bound.
    """

    setting: Setting
    quantity: Float[Array, ""]


class Exact(NamedTuple):
    """What an instance is in fractions.

    Attributes:
      quantity: that the bound bounds; of a bound except with probability delta, the loss.
      chance: of a loss as large as that; 1 where the quantity is a mean or a probability.
    """

    quantity: Fraction
    chance: Fraction = Fraction(1)


def _nothing_exact(bound: Bound, values: Mapping[str, Fraction]) -> Exact | None:
    # No docstring, which the site would show as that of the field.
    return None


@dataclass(frozen=True, kw_only=True)
class SearchSpace:
    """A family of instances whose risks are known exactly.

    Attributes:
      name: in files and tables.
      title: what the instances are, in a few words.
      parameters: coordinates of the search.
      bounds: names of the bounds, negative controls included, that it is searched for.
      measure: the instance of some values; pure, in JAX or NumPy as the values are. Values between
        whole numbers never occur.
      exact: the quantity as a fraction, or None where it takes too long or is irrational.
      most_starts: ascents at most, where one evaluation takes long.
      declared: assumptions that hold by construction, and that a setting cannot show.
    """

    name: str
    title: str
    parameters: tuple[Parameter, ...]
    bounds: tuple[str, ...]
    measure: Callable[[Bound, Values], BoundedQuantity]
    exact: Callable[[Bound, Mapping[str, Fraction]], Exact | None] = _nothing_exact
    most_starts: int | None = None
    declared: tuple[Assumption, ...] = ()

    def assumptions_hold(self, bound: Bound, setting: Setting) -> Bool[Array, ""]:
        """Whether all assumptions of the bound hold, those that are declared left aside."""
        held = xp.asarray(True)
        for assumption in bound.assumptions:
            if assumption not in self.declared:
                held = held & assumption.holds(setting)
        return held


_LEAST_LOG_CHANCE = -660.0
# A hair below its chance, a bound below the loss is exceeded too often.
_JUST_BELOW = 1.0 - 1e-9


def exceeded(
    setting: Setting, loss: Float[Array, ""], log_chance: Float[Array, ""]
) -> BoundedQuantity:
    """A loss of at least such a chance, for a bound that holds except with probability delta.

    At a delta just below the chance, a bound below the loss is false. A chance below e^-660, which
    is nearly no number of float64, counts as a loss below 0, the less the smaller it is.

    Args:
      setting: whose failure probability is replaced.
      loss: tokens.
      log_chance: ln of at most the probability of a loss as large.
    """
    delta = _JUST_BELOW * xp.exp(xp.clip(log_chance, _LEAST_LOG_CHANCE, 0.0))
    short = xp.minimum(log_chance - _LEAST_LOG_CHANCE, 0.0)
    seen = xp.where(short < 0, setting.horizon * xp.maximum(1e-3 * short, -1e6), loss)
    return BoundedQuantity(replace(setting, failure_probability=delta), seen)


def closeness(
    bound: Bound, value: Float[Array, ""], quantity: Float[Array, ""]
) -> Float[Array, ""]:
    """How near a bound is to being broken: it is broken above 1.

    The exact quantity over an upper bound, a lower bound over the exact quantity; 0 where the bound
    says nothing, infinite where a lower bound is positive and the quantity is not.

    Args:
      bound: which says the direction.
      value: of the bound.
      quantity: that it bounds.
    """
    inner, outer = (quantity, value) if bound.direction == "upper" else (value, quantity)
    positive = (inner > 0) & (outer > 0)
    ratio = xp.where(positive, inner, 0.0) / xp.where(positive, outer, 1.0)
    return xp.where((inner > 0) & (outer <= 0), xp.inf, ratio)
