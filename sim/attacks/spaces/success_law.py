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
NEVER_FAILING = Parameter(name="expert_share", low=1.0, high=1.0)


_NEARLY_ONE = 1.0 - 1e-12
_NEVER = -1e3


class Rivals(NamedTuple):
    """Rivals of the truth that are wrong on a prompt of their own each, with the same error.

    Attributes:
      log_count: ln of how many they are.
      error: share of the draws that would show the error of one, below 1.
      traces: n, draws of base traces; a rival is left where none shows its error.
    """

    log_count: Float[Array, ""]
    error: Float[Array, ""]
    traces: Float[Array, ""]

    @property
    def _log_missed(self) -> Float[Array, ""]:
        """ln of the probability that one given rival is left."""
        return self.traces * xp.log1p(-xp.minimum(self.error, _NEARLY_ONE))

    def log_one_left(self) -> Float[Array, ""]:
        """ln of at least the probability that exactly one is left (Bonferroni), exact of one."""
        log_pair = self.traces * xp.log1p(-xp.minimum(2.0 * self.error, _NEARLY_ONE))
        others = xp.exp(self.log_count) - 1.0
        # Rounding leaves none of one.
        others = xp.where(others < 0.5, 0.0, others)
        alone = 1.0 - others * xp.exp(log_pair - self._log_missed)
        some = alone > 1e-12
        chance = self.log_count + self._log_missed + xp.log(xp.where(some, alone, 1.0))
        # Where the inequality says nothing: as good as never, the more so the further off.
        return xp.where(some, chance, _NEVER + xp.maximum(alone, -1e6))

    def log_some_left(self) -> Float[Array, ""]:
        """ln of at least the probability that some are left, exact of one rival.

        Which prompts n draws miss is negatively associated, so that they all miss none is at most
        as likely as if they were independent.
        """
        log_expected = self.log_count + self._log_missed
        rare = log_expected < -30.0
        missed = xp.exp(xp.where(rare, -1.0, self._log_missed))
        none = xp.exp(self.log_count) * xp.log1p(-xp.minimum(missed, _NEARLY_ONE))
        # At least the mean number of rivals left, less half its square.
        few = log_expected - 1e-12
        return xp.where(rare, few, xp.log(-xp.expm1(none)))


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


def success_setting(
    values: Values,
    *,
    game: Game = "other",
    num_candidates: Array | float = 1.0,
    label_error: Array | float = 0.0,
    label_noise: Array | float = 0.0,
) -> Setting:
    """The setting whose base succeeds with probability p, and whose expert is the best of its ball.

    Coverage is c0 = 1/(1 + share (1/p - 1)), all that the expert's value asks for.

    Args:
      values: of `success`, `expert_share`, `horizon`, `data_budget` and, unless the class has two
        members, `log2_class_size`.
      game: of the setting.
      num_candidates: N of best-of-N.
      label_error: eta.
      label_noise: f.
    """
    success, horizon = values["success"], values["horizon"]
    zero = xp.zeros_like(success)
    law = RewardLaw(xp.stack([zero, horizon])[None], xp.stack([1.0 - success, success])[None])
    radius = values["expert_share"] ** 2 * (1.0 - success) / success
    setting = Setting.from_law(
        law,
        horizon=horizon,
        data_budget=values["data_budget"],
        log2_class_size=values.get("log2_class_size", as_in(1.0, success)),
        chi2_radius=radius,
        expert_radius=radius,
        num_candidates=num_candidates,
        label_error=label_error,
        label_noise=label_noise,
        game=game,
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
