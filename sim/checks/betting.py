"""Tests of the mean of bounded replicates, valid at every level, from their mean and variance.

A claim "the expectation is at least b" is bet against: with a bet f in [0, 1] and replicates of at
most u, the capital prod_i (1 + f (b - x_i) / (u - b)) has an expectation of at most 1 if the claim
is true, and so its inverse is a p-value (Waudby-Smith and Ramdas 2024). A run stores the mean and
the variance of its replicates, not the replicates: the capital here is the least that any
replicates of that mean and variance leave (docs/theory.md#test-of-a-mean). Upper bounds are lower
bounds on the negated replicates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy import special

# From betting all, which pays where no replicate is at the end of the range, down to what suits
# many replicates of great variance. The capital is spread evenly over them.
_BETS = np.concatenate([[1.0, 0.875, 0.75], 0.5 ** np.arange(1, 11)])
# Halvings of the bracket of a limit, which leave 1e-12 of it.
_HALVINGS = 40


@dataclass(frozen=True, kw_only=True)
class BoundedMean:
    """Replicates with a bound on their expectation, as far as the test needs to know them.

    Attributes:
      mean: average of the replicates, tokens.
      variance: unbiased variance of the replicates around that average.
      replicates: how many there are; 0 where they can not be held against a bound, which then
        passes.
      favourable: the end of the range of a replicate that favours the bound: the largest value for
        a lower bound, the smallest for an upper one.
      lower: whether it is a lower bound on the expectation.
      tolerance: how far rounding may put the bound or the mean from its place, tokens, positive.
    """

    mean: float
    variance: float
    replicates: int
    favourable: float
    lower: bool
    tolerance: float


@dataclass(frozen=True)
class _Turned:
    """Many samples, each turned so that its bound is a lower one; arrays of shape (tests,).

    Attributes:
      sign: -1 where replicates and bound are negated.
      mean: of the replicates.
      replicates: their number.
      end: the largest value of a replicate.
      tolerance: as in `BoundedMean`.
      share: share of the replicates at `end`, in the worst case for the capital.
      other: value of all the others.
    """

    sign: Float[np.ndarray, " tests"]
    mean: Float[np.ndarray, " tests"]
    replicates: Float[np.ndarray, " tests"]
    end: Float[np.ndarray, " tests"]
    tolerance: Float[np.ndarray, " tests"]
    share: Float[np.ndarray, " tests"]
    other: Float[np.ndarray, " tests"]

    @classmethod
    def of(cls, samples: Sequence[BoundedMean]) -> _Turned:
        lower = np.asarray([sample.lower for sample in samples], bool)
        sign = np.where(lower, 1.0, -1.0)
        mean = sign * np.asarray([sample.mean for sample in samples], float)
        end = sign * np.asarray([sample.favourable for sample in samples], float)
        unbiased = np.asarray([sample.variance for sample in samples], float)
        replicates = np.asarray([sample.replicates for sample in samples], float)
        tolerance = np.asarray([sample.tolerance for sample in samples], float)
        squares = unbiased * np.maximum(replicates - 1.0, 0.0)
        # No replicate is further from the mean than the root of this sum: within the tolerance, all
        # are equal, and what rounding makes of their variance is nothing.
        variance = np.where(squares > tolerance**2, squares / np.maximum(replicates, 1.0), 0.0)
        room = np.maximum(end - mean, 0.0)
        inside = room > tolerance
        safe = np.where(inside, room, 1.0)
        share = np.where(inside, variance / (variance + safe**2), 1.0)
        other = np.where(inside, mean - variance / safe, mean)
        return cls(sign, mean, replicates, end, tolerance, share, other)

    def log_capital(self, claimed: Float[np.ndarray, " tests"]) -> Float[np.ndarray, " tests"]:
        """ln of the mixed capital; infinite where the claim lies above the range."""
        claimed = claimed - self.tolerance
        room = self.end - claimed
        possible = room > 0
        edge = (claimed - self.other) / np.where(possible, room, 1.0)
        gained = special.xlog1py((1.0 - self.share)[:, None], np.outer(edge, _BETS))
        lost = special.xlog1py(self.share[:, None], -_BETS)
        grown = self.replicates[:, None] * np.where(possible[:, None], gained + lost, 0.0)
        capital = special.logsumexp(grown, axis=1) - np.log(len(_BETS))
        return np.where(possible | (self.replicates == 0), capital, np.inf)


def mean_p_values(
    samples: Sequence[BoundedMean], bounds: Float[np.ndarray, " tests"]
) -> Float[np.ndarray, " tests"]:
    """p-value of "the expectation respects the bound", for each sample and its bound.

    Valid at every level if the replicates are independent, lie on their side of `favourable`, and
    have expectations whose average respects the bound.

    Example:
      >>> import numpy as np
      >>> from verigap.sim.checks.betting import BoundedMean, mean_p_values
      >>> coins = BoundedMean(
      ...     mean=0.4, variance=0.24, replicates=400, favourable=1.0, lower=True, tolerance=1e-9
      ... )
      >>> [f"{p:.1e}" for p in mean_p_values([coins, coins], np.asarray([0.45, 0.6]))]
      ['6.0e-01', '7.9e-13']
    """
    turned = _Turned.of(samples)
    return np.exp(-np.maximum(turned.log_capital(turned.sign * bounds), 0.0))


def mean_limits(samples: Sequence[BoundedMean], level: float) -> Float[np.ndarray, " tests"]:
    """The nearest bound that each sample rejects at a level.

    Bounds beyond it (larger lower ones, smaller upper ones) are rejected as well, so that it is a
    one-sided confidence limit for the expectation. Infinite where nothing is rejected.

    Args:
      samples: replicates, each with the direction of its bound.
      level: in (0, 1).

    Example:
      >>> from verigap.sim.checks.betting import BoundedMean, mean_limits
      >>> coins = BoundedMean(
      ...     mean=0.4, variance=0.24, replicates=400, favourable=1.0, lower=True, tolerance=1e-9
      ... )
      >>> round(float(mean_limits([coins], 1e-3)[0]), 3)
      0.509
    """
    turned = _Turned.of(samples)
    needed = -np.log(level)
    passing, rejected = turned.mean, np.maximum(turned.end, turned.mean) + turned.tolerance
    for _ in range(_HALVINGS):
        middle = 0.5 * (passing + rejected)
        beyond = turned.log_capital(middle) >= needed
        passing, rejected = np.where(beyond, passing, middle), np.where(beyond, middle, rejected)
    return turned.sign * np.where(turned.replicates > 0, rejected, np.inf)
