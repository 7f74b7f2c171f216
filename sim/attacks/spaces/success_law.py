"""What the spaces share: a prompt whose traces return H with some probability, else 0."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from typing import NamedTuple

from jaxtyping import Float

from verigap.sim.attacks.space import Parameter, Values
from verigap.theory import RewardLaw, Setting
from verigap.theory.arrays import Array, as_in, xp
from verigap.theory.bounds import Game

HORIZON = Parameter(name="horizon", low=1.0, high=1024.0, logarithmic=True, whole=True)
SUCCESS = Parameter(name="success", low=1e-4, high=0.5, logarithmic=True)
EXPERT_SHARE = Parameter(name="expert_share", low=1e-3, high=1.0, logarithmic=True)


class Rivals(NamedTuple):
    """Rivals of the truth that are wrong on a prompt of their own each, with the same error.

    Attributes:
      log_count: ln of how many they are.
      error: base share on which each one errs.
      traces: n, draws of base traces; a rival is left where none shows its error.
    """

    log_count: Float[Array, ""]
    error: Float[Array, ""]
    traces: Float[Array, ""]

    def one_left(self) -> Float[Array, ""]:
        """At least the probability that exactly one is left (Bonferroni), exact of one rival."""
        count = xp.exp(self.log_count)
        alone = count * xp.exp(self.traces * xp.log1p(-self.error))
        pair = xp.log1p(-xp.minimum(2.0 * self.error, 1.0 - 1e-12))
        pairs = count * (count - 1.0) * xp.exp(self.traces * pair)
        return xp.maximum(alone - xp.where(count > 1.5, pairs, 0.0), 0.0)

    def some_left(self) -> Float[Array, ""]:
        """At least the probability that some are left, exact of one rival.

        Which prompts n draws miss is negatively associated, so that they all miss none is at most
        as likely as if they were independent.
        """
        missed = xp.exp(self.traces * xp.log1p(-self.error))
        none = xp.exp(self.log_count) * xp.log1p(-xp.minimum(missed, 1.0 - 1e-12))
        return -xp.expm1(none)


def one_left_exactly(count: int, error: Fraction, traces: int) -> Fraction:
    """The probability that exactly one of the rivals is left, by inclusion and exclusion."""
    total, ways = Fraction(0), 1
    for left in range(1, count + 1):
        ways = ways * (count - left + 1) // left
        total += (-1) ** (left - 1) * left * ways * max(1 - left * error, Fraction(0)) ** traces
    return total


def some_left_exactly(count: int, error: Fraction, traces: int) -> Fraction:
    """The probability that some rivals are left, by inclusion and exclusion."""
    total, ways = Fraction(0), 1
    for left in range(1, count + 1):
        ways = ways * (count - left + 1) // left
        total += (-1) ** (left - 1) * ways * max(1 - left * error, Fraction(0)) ** traces
    return total


def enumerable(values: Mapping[str, Fraction], most_rivals: int = 7) -> bool:
    """Whether fractions of n-th powers and of sums over the rivals stay short enough."""
    few = values.get("log2_class_size", Fraction(1)) <= most_rivals
    return few and values["data_budget"] <= 2048


def ratio_of_expert(values: Values) -> Float[Array, ""]:
    """1/c0 = 1 + share (1/p - 1), the density ratio of the expert on the traces that succeed."""
    return 1.0 + values["expert_share"] * (1.0 / values["success"] - 1.0)


def success_setting(values: Values, *, game: Game = "other", **numbers: Array) -> Setting:
    """The setting whose base succeeds with probability p, and whose expert is the best of its ball.

    Coverage is c0 = 1/(1 + share (1/p - 1)), all that the expert's value asks for.

    Args:
      values: of `success`, `expert_share`, `horizon`, `data_budget` and, unless the class has two
        members, `log2_class_size`.
      game: of the setting.
      numbers: further arguments of `Setting.from_law`.
    """
    success, horizon = values["success"], values["horizon"]
    zero = xp.zeros_like(success)
    law = RewardLaw(
        xp.stack([zero, horizon])[None], xp.stack([1.0 - success, success])[None]
    )
    radius = values["expert_share"] ** 2 * (1.0 - success) / success
    setting = Setting.from_law(
        law,
        horizon=horizon,
        data_budget=values["data_budget"],
        log2_class_size=values.get("log2_class_size", as_in(1.0, success)),
        chi2_radius=radius,
        expert_radius=radius,
        game=game,
        **numbers,
    )
    return replace(setting, coverage=1.0 / ratio_of_expert(values))


def lost_share(values: Values) -> Float[Array, ""]:
    """What a learner loses on a prompt of which it believes that nothing pays, in horizons.

    It may avoid the traces that succeed as far as ratios of at most 1/c0 elsewhere allow.
    """
    success, ratio = values["success"], ratio_of_expert(values)
    return success * ratio - xp.maximum(1.0 - (1.0 - success) * ratio, 0.0)


def lost_share_exactly(values: Mapping[str, Fraction]) -> Fraction:
    """`lost_share` as a fraction."""
    success = values["success"]
    ratio = 1 + values["expert_share"] * (1 / success - 1)
    return success * ratio - max(1 - (1 - success) * ratio, Fraction(0))
