"""Laws of sums over n independent terms by their types: how often each distinct value occurs.

A type's sum is one number, so nothing is rounded to a grid. On the host only, as how many types
there are depends on the values.
"""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float

from verigap.theory.arrays import Array, host_array
from verigap.theory.binomial import binomial_log_pmf
from verigap.theory.lattices import (
    LikelihoodLattice,
    SumLattice,
    expert_steps,
    label_steps,
    with_tail,
)
from verigap.theory.laws import RewardLaw

MOST_TYPES = 1 << 20
"""Types that are enumerated at most: a second or so, and a hundred megabytes."""

_SAME = 1e-12
_TAIL_NATS = 45.0


def distinct_values(
    values: Float[Array, " terms"], probabilities: Float[Array, " terms"]
) -> tuple[Float[np.ndarray, " m"], Float[np.ndarray, " m"]]:
    """The values of positive probability, ascending; those within 1e-12 are one.

    Values that are merged move by at most 1e-12 each, and a sum of n of them by n times that.
    """
    kept = np.asarray(probabilities) > 0
    points, mass = np.asarray(values)[kept], np.asarray(probabilities)[kept]
    order = np.argsort(points, kind="stable")
    points, mass = points[order], mass[order]
    first = np.concatenate([[True], np.diff(points) > _SAME])
    grouped = np.bincount(np.cumsum(first) - 1, mass)
    return points[first], grouped / grouped.sum()


def _windows(probabilities: Float[np.ndarray, " m"], terms: int) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest count of each value, but for a probability of e^-45 each (Bernstein)."""
    mean = terms * probabilities
    room = np.sqrt(2.0 * _TAIL_NATS * mean * np.maximum(1.0 - probabilities, 0.0)) + _TAIL_NATS
    return np.maximum(np.floor(mean - room), 0.0), np.minimum(np.ceil(mean + room), terms)


def enumerated_sum(
    values: Float[Array, " terms"],
    probabilities: Float[Array, " terms"],
    terms: int,
    most: int = MOST_TYPES,
) -> tuple[Float[np.ndarray, " types"], Float[np.ndarray, " types"]] | None:
    """Every type's sum, ascending, and the logarithm of its probability; None if they are too many.

    Left out are types of probability e^-44 or less together for each distinct value. Types of equal
    sums stay apart, whatever rounding makes of their order: neither the chance of a match nor that
    of survival depends on how ties are listed (docs/theory.md, exact risks).

    Args:
      values: of a term.
      probabilities: of the values, summing to one.
      terms: n >= 1.
      most: types to enumerate at most.

    Example:
      >>> import numpy as np
      >>> sums, logs = enumerated_sum(np.asarray([0.0, 1.0]), np.asarray([0.5, 0.5]), 2)
      >>> sums.tolist(), np.exp(logs).round(3).tolist()
      ([0.0, 1.0, 2.0], [0.25, 0.5, 0.25])
    """
    points, shares = distinct_values(values, probabilities)
    # The commonest value takes what the others leave.
    order = np.argsort(shares, kind="stable")
    points, shares = points[order], shares[order]
    low, high = _windows(shares, terms)
    if math.prod(float(size) for size in (high - low + 1.0)[:-1]) > most:
        return None
    left, total = np.asarray([float(terms)]), np.zeros(1)
    logs, mass = np.zeros(1), 1.0
    for value, share, first, last in zip(
        points[:-1], shares[:-1], low[:-1], high[:-1], strict=True
    ):
        count = np.arange(first, last + 1.0)[None, :]
        possible = count <= left[:, None]
        trials = np.broadcast_to(left[:, None], possible.shape)[possible]
        drawn = np.broadcast_to(count, possible.shape)[possible]
        # The next value's share of what is not yet given out.
        chance = np.minimum(share / mass, 1.0)
        own = np.asarray(
            binomial_log_pmf(host_array(drawn), host_array(trials), host_array(chance))
        )
        logs = np.broadcast_to(logs[:, None], possible.shape)[possible] + own
        total = np.broadcast_to(total[:, None], possible.shape)[possible] + drawn * value
        left, mass = trials - drawn, mass - share
    total = total + left * points[-1]
    rising = np.argsort(total, kind="stable")
    return total[rising], logs[rising]


def enumerated_likelihood(
    law: RewardLaw,
    density_ratio: Float[Array, "prompts K"],
    data_budget: float,
    most: int = MOST_TYPES,
) -> LikelihoodLattice | None:
    """Law of ln L by types, on one prompt; None if they are more than `most`."""
    values, probabilities = expert_steps(law, density_ratio)
    expert = probabilities[0] / np.sum(probabilities[0])
    found = enumerated_sum(values[0], expert, int(data_budget), most)
    if found is None:
        return None
    log_ratio, log_expert = map(host_array, found)
    return with_tail(log_ratio, log_expert, log_expert - log_ratio)


def enumerated_labels(
    law: RewardLaw, data_budget: float, most: int = MOST_TYPES
) -> SumLattice | None:
    """Law of ln q by types of labels, on any prompts; None if they are more than `most`."""
    values, probabilities = label_steps(law)
    found = enumerated_sum(values[0], probabilities[0], int(data_budget), most)
    return None if found is None else SumLattice(host_array(found[0]), host_array(np.exp(found[1])))
