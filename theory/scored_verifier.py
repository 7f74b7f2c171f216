"""Selection by a verifier's score, through its ROC curve: docs/theory.md#verifiers-with-a-score.

A verifier gives each trace a score of finitely many levels, drawn given the return of the trace and
independently of everything else. A check that accepts or rejects is a score of two levels. Source
of the setting: Dorner et al., arXiv 2507.12399; all statements are beyond arXiv 2502.12118.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Float

from verigap.theory.arrays import Array, as_in, host_property, running_sum, xp
from verigap.theory.laws import RewardLaw
from verigap.theory.policies import best_of_n_policy, top_share_policy


class RocCurve(NamedTuple):
    """Error rates of a score used as a check, by threshold.

    Attributes:
      false_positive: shares of wrong traces that reach a threshold, from the highest score down.
      false_negative: shares of right traces that do not, at the same thresholds.
      area: under the curve: probability that a right trace scores above a wrong one, ties half.
    """

    false_positive: Float[Array, "*prompts T"]
    false_negative: Float[Array, "*prompts T"]
    area: Float[Array, "*prompts"] | float


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class ScoredLaw:
    """A reward law whose traces carry a score; a pytree.

    Attributes:
      law: of the return under the base, shape (*prompts, K).
      likelihood: probability of each score level given the return, levels ascending, shape
        (*prompts, K, S); rows sum to one.
    """

    law: RewardLaw
    likelihood: Float[Array, "*prompts K S"]

    @classmethod
    def from_roc(
        cls,
        law: RewardLaw,
        false_positive: Float[Array, "*#prompts T"],
        false_negative: Float[Array, "*#prompts T"],
    ) -> ScoredLaw:
        """The score with these error rates at T thresholds: T + 1 levels, one below them all.

        A trace is right if its return is positive; the score tells nothing else of the return.

        Args:
          law: of the return, shape (*prompts, K).
          false_positive: shares of wrong traces at or above each threshold, from the highest
            threshold down, ascending; of one shape for all prompts or one row a prompt.
          false_negative: shares of right traces below each threshold, descending.

        Example:
          >>> import numpy as np
          >>> from verigap.theory import RewardLaw, ScoredLaw
          >>> law = RewardLaw.equiprobable(np.asarray([0.0, 8.0]))
          >>> scored = ScoredLaw.from_roc(law, np.asarray([0.125]), np.asarray([0.25]))
          >>> scored.likelihood.tolist()
          [[0.875, 0.125], [0.25, 0.75]]
        """

        def levels(accepted: Float[Array, "*#prompts T"]) -> Float[Array, "*prompts S"]:
            """Mass of each level from the shares that reach the thresholds."""
            edge = xp.zeros_like(accepted[..., :1])
            reached = xp.concatenate([edge, accepted, 1.0 + edge], axis=-1)
            return xp.flip(xp.diff(reached, axis=-1), axis=-1)

        wrong = levels(as_in(false_positive, law.probabilities))
        right = levels(1.0 - as_in(false_negative, law.probabilities))
        correct = (law.atoms > 0)[..., None]
        return cls(law, xp.where(correct, right[..., None, :], wrong[..., None, :]))

    @host_property
    def scores(self) -> RewardLaw:
        """Law of the score level, 0 to S - 1, under the base, shape (*prompts, S)."""
        mass = xp.sum(self.law.probabilities[..., None] * self.likelihood, axis=-2)
        return RewardLaw(xp.arange(mass.shape[-1], dtype=mass.dtype), mass)

    @host_property
    def mean_return(self) -> Float[Array, "*prompts S"]:
        """Mean return given the score level (tokens); 0 at a level of probability 0."""
        paid = (self.law.probabilities * self.law.atoms)[..., None] * self.likelihood
        mass = self.scores.probabilities
        return xp.where(mass > 0, xp.sum(paid, axis=-2) / xp.where(mass > 0, mass, 1.0), 0.0)

    def ratio_by_return(
        self, score_ratio: Float[Array, "*prompts S"]
    ) -> Float[Array, "*prompts K"]:
        """Density ratio to the base at each return of a policy given by that at each level."""
        return xp.sum(self.likelihood * score_ratio[..., None, :], axis=-1)

    def value(self, score_ratio: Float[Array, "*prompts S"]) -> Float[Array, "*prompts"]:
        """Mean return of the policy with this density ratio to the base at each level (tokens)."""
        return xp.sum(self.scores.probabilities * score_ratio * self.mean_return, axis=-1)


def scored_best_of_n_value(
    scored: ScoredLaw, num_candidates: Float[Array, ""] | float
) -> Float[Array, "*prompts"]:
    """Mean return of the best scored of N base traces, ties at random (tokens).

    Args:
      scored: reward laws with a score, of shape (*prompts, K, S).
      num_candidates: N, at least 1; need not be whole.

    Returns:
      Tokens, of shape (*prompts).

    Example:
      >>> import numpy as np
      >>> from verigap.theory import RewardLaw, ScoredLaw, scored_best_of_n_value
      >>> law = RewardLaw.equiprobable(np.asarray([0.0, 8.0]))
      >>> scored = ScoredLaw.from_roc(law, np.asarray([0.1, 0.4]), np.asarray([0.5, 0.2]))
      >>> [round(float(scored_best_of_n_value(scored, n)), 3) for n in (1.0, 4.0, 64.0)]
      [4.0, 5.975, 6.667]
    """
    return scored.value(best_of_n_policy(scored.scores, num_candidates))


def rejection_value(
    scored: ScoredLaw, share: Float[Array, "*#prompts"] | float
) -> Float[Array, "*prompts"]:
    """Mean return of drawing until the score is among the best `share` of the base (tokens).

    It takes 1/share draws on average. At the shares that reach the thresholds it is the precision
    of the check at that point of the ROC curve; in between, the lowest accepted level is accepted
    by a coin.

    Args:
      scored: reward laws with a score, of shape (*prompts, K, S).
      share: in (0, 1]; a number or one a prompt.

    Returns:
      Tokens, of shape (*prompts).

    Example:
      >>> import numpy as np
      >>> from verigap.theory import RewardLaw, ScoredLaw, rejection_value
      >>> law = RewardLaw.equiprobable(np.asarray([0.0, 8.0]))
      >>> scored = ScoredLaw.from_roc(law, np.asarray([0.1, 0.4]), np.asarray([0.5, 0.2]))
      >>> [round(float(rejection_value(scored, share)), 3) for share in (1.0, 0.6, 0.3)]
      [4.0, 5.333, 6.667]
    """
    return scored.value(top_share_policy(scored.scores, share))


def roc_of(scored: ScoredLaw) -> RocCurve:
    """The ROC curve of a score, by the levels that are not the lowest, from the highest down.

    Shares are over the base traces of each prompt; those of a prompt without right, or without
    wrong, traces are 0.

    Args:
      scored: reward laws with a score, of shape (*prompts, K, S).

    Returns:
      The curve at S - 1 thresholds.

    Example:
      >>> import numpy as np
      >>> from verigap.theory import RewardLaw, ScoredLaw, roc_of
      >>> law = RewardLaw.equiprobable(np.asarray([0.0, 8.0]))
      >>> curve = roc_of(ScoredLaw.from_roc(law, np.asarray([0.125]), np.asarray([0.25])))
      >>> curve.false_positive.tolist(), curve.false_negative.tolist(), float(curve.area)
      ([0.125], [0.25], 0.8125)
    """
    correct = (scored.law.atoms > 0)[..., None]
    mass = scored.law.probabilities[..., None] * scored.likelihood

    def of(kind: Array) -> Float[Array, "*prompts S"]:
        each = xp.sum(xp.where(kind, mass, 0.0), axis=-2)
        total = xp.sum(each, axis=-1, keepdims=True)
        return each / xp.where(total > 0, total, 1.0)

    right, wrong = of(correct), of(~correct)
    above = running_sum(right, reverse=True) - 0.5 * right
    reached = [xp.flip(running_sum(each, reverse=True)[..., 1:], -1) for each in (wrong, right)]
    return RocCurve(reached[0], 1.0 - reached[1], xp.sum(wrong * above, axis=-1))


@dataclass(frozen=True, kw_only=True)
class BestNumber:
    """How many candidates a score can use.

    Attributes:
      num_candidates: the smallest N of the largest mean value; None where the value only tends to
        its largest as N grows.
      value: mean value over prompts at that N, or the limit (tokens).
      limit: mean value as N grows (tokens).
    """

    num_candidates: int | None
    value: float
    limit: float

    @property
    def falls(self) -> bool:
        """Whether more candidates than the best number are worth less."""
        return self.num_candidates is not None and self.limit < self.value


_NEGLIGIBLE = 1e-13
# Beyond so many candidates no power of a base below 1 is left in float64.
_MOST = 1 << 62


def best_num_candidates(scored: ScoredLaw) -> BestNumber:
    """The N with the largest value of best-of-N by the score, on average over prompts.

    The value is a constant less a sum of powers b^N; every N is compared, by bounds on the
    differences over ranges of N that are halved until each rises, falls or is one number.

    Args:
      scored: NumPy reward laws with a score, of shape (prompts, K, S) or (K, S).

    Example:
      >>> import numpy as np
      >>> from verigap.theory import RewardLaw, ScoredLaw
      >>> from verigap.theory.scored_verifier import best_num_candidates
      >>> law = RewardLaw.equiprobable(np.asarray([0.0, 0.0, 0.0, 8.0]))
      >>> # One wrong trace in 200 scores above all others.
      >>> hacked = ScoredLaw.from_roc(law, np.asarray([0.005, 0.1]), np.asarray([1.0, 0.2]))
      >>> best = best_num_candidates(hacked)
      >>> best.num_candidates, round(best.value, 3), best.limit
      (14, 5.537, 0.0)
    """
    base, weight, limit = _powers(scored)
    start = float(np.mean(np.asarray(scored_best_of_n_value(scored, 1.0))))
    # Turns of the value, and what it is there.
    places = [1, *_peaks(base, weight * (1.0 - base))]
    values = [start, *(limit - float(weight @ base**n) for n in places[1:])]
    rounding = _NEGLIGIBLE * float(np.abs(np.asarray(scored.law.support)).max(initial=0.0))
    best = next(i for i, value in enumerate(values) if value >= max(values) - rounding)
    if limit > values[best] + rounding:
        return BestNumber(num_candidates=None, value=limit, limit=limit)
    return BestNumber(num_candidates=places[best], value=values[best], limit=limit)


def _powers(scored: ScoredLaw) -> tuple[np.ndarray, np.ndarray, float]:
    """Bases b, descending, and weights c of the mean value limit - sum c b^N, N >= 1."""
    levels = scored.scores.probabilities.shape[-1]
    mass = np.asarray(scored.scores.probabilities, float).reshape(-1, levels)
    mean = np.asarray(scored.mean_return, float).reshape(-1, levels)
    bases, weights, limits = [], [], []
    for chance, mean_return in zip(mass, mean, strict=True):
        paid = mean_return[chance > 0]
        bases.append(np.cumsum(chance[chance > 0])[:-1])
        weights.append(np.diff(paid))
        limits.append(paid[-1])
    base, weight = np.concatenate(bases), np.concatenate(weights) / len(mass)
    kept = np.abs(weight) > _NEGLIGIBLE * np.abs(mean).max(initial=0.0)
    order = np.argsort(-base[kept], kind="stable")
    return base[kept][order], weight[kept][order], float(np.mean(limits))


def _peaks(base: np.ndarray, slope: np.ndarray) -> list[int]:
    """Every N > 1 up to which the value rises, and past which it falls.

    One more candidate than N adds the sum of slope b^N to the value.
    """

    def direction(first: int, last: int) -> int:
        """1 or -1 where the value rises or falls at every N from the first to the last, else 0."""
        low, high = slope * base**last, slope * base**first
        if float(np.sum(np.where(slope > 0, low, high))) >= 0:
            return 1
        return -1 if float(np.sum(np.where(slope > 0, high, low))) <= 0 else 0

    # From some N on the partial sums, from the largest base on, have one sign: then all later
    # differences have it too (summation by parts).
    end = 1
    while end < _MOST:
        sums = np.cumsum(slope * base**end)
        if not sums.size or (sums >= 0).all() or (sums <= 0).all():
            break
        end *= 2
    rising: list[int] = []
    ranges = [(1, end)]
    while ranges:
        first, last = ranges.pop()
        sign = direction(first, last)
        if sign == 0 and last > first:
            middle = min(int(np.sqrt(float(first) * last)), last - 1)
            ranges += [(middle + 1, last), (first, middle)]
        elif sign > 0:
            rising.append(last)
    # It goes on rising past the last range if it rises there.
    return [last + 1 for last in rising if last < end]
