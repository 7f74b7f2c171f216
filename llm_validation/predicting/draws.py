"""What a prediction assumes, and the draws that carry its uncertainty."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from verigap.llm_validation.intervals import (
    LEVEL,
    Resampler,
    Statistic,
    student_spread,
)

LEARNERS = ("vf_mle", "vf_bayes", "vb_version_space", "vb_best_of_n")


@dataclass(frozen=True)
class Assumptions:
    """What a prediction takes as given.

    Attributes:
      radius: kappa > 0.
      log2_class_size: d > 0, bits.
      candidates: N of best-of-N >= 1.
      false_positive, false_negative: error rates of the check that labels and selects.
      failure_probability: delta of the bounds.
    """

    radius: float
    log2_class_size: float
    candidates: int
    false_positive: float = 0.0
    false_negative: float = 0.0
    failure_probability: float = 0.05


@dataclass(frozen=True, eq=False)
class Draws:
    """Bootstrap replicates over prompts of a prediction, the estimate in row 0 (tokens).

    Attributes:
      base, expert: J, shape (B + 1, horizons).
      suboptimality: by learner, against the expert, shape (B + 1, horizons, data).
    """

    base: Float[np.ndarray, "B horizons"]
    expert: Float[np.ndarray, "B horizons"]
    suboptimality: dict[str, Float[np.ndarray, "B horizons data"]]

    def gap(self, verifier_based: str = "vb_version_space") -> Float[np.ndarray, "B horizons data"]:
        """J_VB - J_VF against cloning."""
        return self.suboptimality["vf_mle"] - self.suboptimality[verifier_based]


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
