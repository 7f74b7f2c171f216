"""Multinomial laws by enumeration: every way that N draws fall on K kinds, with its probability.

On the host only, as how many ways there are depends on N and K.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from verigap.theory.arrays import gammaln, host_array, xlogy

MOST_TYPES = 1 << 20
"""Types that are enumerated at most: a second or so, and a hundred megabytes."""


class Multinomial(NamedTuple):
    """The law of the counts of N independent draws.

    Attributes:
      counts: draws of each kind, one row a type; rows sum to N.
      probabilities: of the types, summing to one.
    """

    counts: Int[np.ndarray, "types K"]
    probabilities: Float[np.ndarray, " types"]


def multinomial(probabilities: Float[np.ndarray, " K"], draws: int) -> Multinomial:
    """All types of N draws from a law.

    Args:
      probabilities: of the K kinds, summing to one.
      draws: N, at least 0.

    Raises:
      ValueError: there are more than `MOST_TYPES` types, C(N + K - 1, K - 1).

    Example:
      >>> import numpy as np
      >>> from verigap.theory.multinomial import multinomial
      >>> law = multinomial(np.array([0.5, 0.5]), 2)
      >>> law.counts.tolist(), law.probabilities.round(3).tolist()
      ([[0, 2], [1, 1], [2, 0]], [0.25, 0.5, 0.25])
    """
    kinds = len(probabilities)
    types = math.comb(draws + kinds - 1, kinds - 1)
    if types > MOST_TYPES:
        raise ValueError(
            f"multinomial: {draws:,} draws of {kinds} kinds have {types:,} types, and at most "
            f"{MOST_TYPES:,} are enumerated"
        )
    counts = np.zeros((1, 0), np.int64)
    for _ in range(kinds - 1):
        left = draws - counts.sum(axis=1)
        rows = np.repeat(np.arange(len(counts)), left + 1)
        starts = np.repeat(np.cumsum(left + 1) - (left + 1), left + 1)
        column = np.arange(len(rows)) - starts
        counts = np.concatenate([counts[rows], column[:, None]], axis=1)
    last = draws - counts.sum(axis=1, keepdims=True)
    counts = np.concatenate([counts, last], axis=1)
    drawn = host_array(counts)
    log = (
        gammaln(host_array(draws + 1.0))
        - np.asarray(gammaln(drawn + 1.0)).sum(axis=1)
        + np.asarray(xlogy(drawn, host_array(probabilities))).sum(axis=1)
    )
    return Multinomial(counts, np.exp(log))
