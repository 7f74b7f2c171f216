"""What a prediction assumes, and the draws that carry its uncertainty."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from verigap.llm_validation.intervals import LEVEL, Resampler, Statistic, student_spread
from verigap.llm_validation.pools.leashes import Leash

LEARNERS = ("vf-mle", "vf-bayes", "vb-version-space", "vb-best-of-n")
"""Predicted learners, by their names in the registry of the relabelling game."""


@dataclass(frozen=True, kw_only=True)
class Assumptions:
    """What a prediction takes as given.

    Attributes:
      leash: of the expert and of every leashed policy.
      log2_class_size: d > 0, bits.
      num_candidates: N of best-of-N >= 1.
      false_positive, false_negative: error rates of the check that labels and selects.
      failure_probability: delta of the bounds.
    """

    leash: Leash
    log2_class_size: float
    num_candidates: int
    false_positive: float = 0.0
    false_negative: float = 0.0
    failure_probability: float = 0.05


@dataclass(frozen=True, eq=False)
class Draws:
    """Bootstrap replicates over prompts of a prediction, the estimate in row 0 (tokens).

    Attributes:
      base, expert: J, shape (B + 1, horizons).
      suboptimality: by learner, against the expert, shape (B + 1, horizons, data budgets).
    """

    base: Float[np.ndarray, "B horizons"]
    expert: Float[np.ndarray, "B horizons"]
    suboptimality: dict[str, Float[np.ndarray, "B horizons data_budgets"]]

    def gap(
        self, verifier_based: str = "vb-version-space"
    ) -> Float[np.ndarray, "B horizons data_budgets"]:
        """J_VB - J_VF against cloning."""
        return self.suboptimality["vf-mle"] - self.suboptimality[verifier_based]


def resampled_means(
    values: Float[np.ndarray, "P F"], resampler: Resampler
) -> Float[np.ndarray, "B F"]:
    """Means over prompts in row 0, then in every replicate, spread out for few prompts."""
    mean = values.mean(axis=0)
    moved = student_spread(resampler.prompts) * (resampler.means(values) - mean)
    return np.concatenate([mean[None], mean + moved])


def statistic(draws: Float[np.ndarray, " B"]) -> Statistic:
    """Estimate in row 0 and the percentile interval of the other rows; NaN without any."""
    if draws.size < 2:
        return Statistic(float(draws[0]), float("nan"), float("nan"))
    tails = [(1 - LEVEL) / 2, (1 + LEVEL) / 2]
    low, high = np.quantile(draws[1:], tails)
    return Statistic(float(draws[0]), float(low), float(high))


def shrunk(draws: Float[np.ndarray, "B ..."]) -> Float[np.ndarray, "B ..."]:
    """The draws with the estimates in row 0 moved towards 0 as far as they are noise.

    An estimate m of a mean, of variance v, is off by the least mean square where it is multiplied
    by mean^2 / (mean^2 + v). With m in place of the mean the factor is m^2 / (m^2 + v), which moves
    the estimate by half a standard error at most.

    Args:
      draws: the estimates in row 0; v is the variance of the other rows.

    Source: Thompson 1968, Some shrinkage techniques for estimating the mean, JASA 63.

    Example:
      >>> import numpy as np
      >>> shrunk(np.array([[2.0], [1.0], [3.0]]))[0]
      array([1.6])
    """
    if len(draws) < 2:
        return draws
    estimate, variance = draws[0], draws[1:].var(axis=0)
    square = estimate**2
    share = np.divide(square, square + variance, out=np.ones_like(square), where=square > 0)
    return np.concatenate([(share * estimate)[None], draws[1:]])
