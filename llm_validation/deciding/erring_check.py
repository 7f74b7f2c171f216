"""What a check of candidates is worth when it errs, and how much it may err."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from verigap.theory import RocCurve
from verigap.theory.arrays import host_array

_STEPS = 40
_ROUNDING = 1e-9


class Tolerance(NamedTuple):
    """Error rates at which a check no longer adds anything to the best arm without one.

    Attributes:
      false_positive: of a check that accepts every right candidate: the share of wrong ones it may
        accept. 1 where even a check that accepts everything is no worse, 0 where an exact one adds
        nothing.
      false_negative: of a check that rejects every wrong candidate: the share of right ones it may
        reject.
    """

    false_positive: float
    false_negative: float


def checked_accuracy(
    correct: Int[np.ndarray, " P"],
    sizes: Int[np.ndarray, " P"],
    n: int,
    false_positive: float,
    false_negative: float,
) -> float:
    """Mean accuracy of a random accepted candidate of N; a random one where none is accepted.

    The check errs independently on each candidate. Exact: over the number of right ones among N
    distinct samples, and over how many of either kind are accepted.

    Args:
      correct: right samples of each prompt.
      sizes: samples of each prompt, at least N.
      n: N, at least 1.
      false_positive: share of wrong candidates that are accepted.
      false_negative: share of right candidates that are rejected.

    Example:
      >>> import numpy as np
      >>> from verigap.llm_validation.deciding.erring_check import checked_accuracy
      >>> half = np.array([2]), np.array([4])
      >>> round(checked_accuracy(*half, 2, 0.0, 0.0), 3)  # pass@2
      0.833
      >>> round(checked_accuracy(*half, 2, 1.0, 0.0), 3)  # accepts everything
      0.5
    """
    # Slow to import, and only needed here.
    from scipy import stats

    right = np.arange(n + 1)
    weights = stats.hypergeom.pmf(right, sizes[:, None], correct[:, None], n).mean(axis=0)
    values = [_accuracy_of(m, n, false_positive, false_negative) for m in range(n + 1)]
    return float(weights @ np.array(values))


def _accuracy_of(m: int, n: int, false_positive: float, false_negative: float) -> float:
    """The same for m right ones among the N."""
    from scipy import stats

    taken_right = stats.binom.pmf(np.arange(m + 1), m, 1.0 - false_negative)
    taken_wrong = stats.binom.pmf(np.arange(n - m + 1), n - m, false_positive)
    a, b = np.arange(m + 1)[:, None], np.arange(n - m + 1)[None, :]
    share = np.where(a + b > 0, a / np.maximum(a + b, 1), m / n)
    return float(taken_right @ share @ taken_wrong)


def tolerance(
    correct: Int[np.ndarray, " P"], sizes: Int[np.ndarray, " P"], n: int, without: float
) -> Tolerance:
    """How much a check may err before it adds nothing to an accuracy without one.

    Args:
      correct: right samples of each prompt.
      sizes: samples of each prompt, at least N.
      n: N.
      without: accuracy of the best arm without a check.
    """
    return Tolerance(
        _last_above(lambda rate: checked_accuracy(correct, sizes, n, rate, 0.0), without),
        _last_above(lambda rate: checked_accuracy(correct, sizes, n, 0.0, rate), without),
    )


def _last_above(value: Callable[[float], float], level: float) -> float:
    """The rate at which a falling function meets a level, by bisection."""
    if value(1.0) >= level - _ROUNDING:
        return 1.0
    if value(0.0) <= level:
        return 0.0
    low, high = 0.0, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if value(middle) > level else (low, middle)
    return low


def roc_curve(
    score: Float[np.ndarray, " S"], right: Float[np.ndarray, " S"], points: int = 21
) -> RocCurve | None:
    """The ROC of a score, pooled over samples; None where all are right or all wrong.

    Args:
      score: of each sample, finite.
      right: 1 where the sample is right, else 0.
      points: thresholds, at quantiles of the scores.
    """
    positive, negative = np.sort(score[right > 0]), np.sort(score[right <= 0])
    if not positive.size or not negative.size:
        return None
    thresholds = np.unique(np.quantile(score, np.linspace(0.0, 1.0, points), method="nearest"))
    accepted_wrong = 1 - np.searchsorted(negative, thresholds, "left") / negative.size
    missed_right = np.searchsorted(positive, thresholds, "left") / positive.size
    below = np.searchsorted(negative, positive, "left") + np.searchsorted(
        negative, positive, "right"
    )
    area = float(below.mean() / (2 * negative.size))
    return RocCurve(host_array(accepted_wrong[::-1]), host_array(missed_right[::-1]), area)
