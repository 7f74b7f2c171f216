"""Compute-optimal allocation: which prompt gets how many samples, spent in which way.

Prompts fall into classes of difficulty, known or estimated from a few samples. Each class is given
one of several options, such as N parallel samples or W chains of L revisions, or a mixture of two;
the mean cost is bounded. Source: Snell et al., arXiv 2408.03314, whose strategies are these with
classes of equal size and one budget for every prompt.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from verigap.theory.arrays import host_array
from verigap.theory.binomial import binomial_log_pmf


class ComputeAllocation(NamedTuple):
    """The best way to spend a mean cost.

    Attributes:
      value: mean value over prompts.
      cost: mean cost, at most the budget.
      mixture: probability of each option for each class; at most one class has two options.
    """

    value: float
    cost: float
    mixture: Float[np.ndarray, "classes options"]


def best_allocation(
    values: Float[np.ndarray, "classes options"],
    costs: Float[np.ndarray, "#classes options"],
    weights: Float[np.ndarray, " classes"],
    budget: float,
) -> ComputeAllocation:
    """Largest mean value at a bounded mean cost: a linear programme, solved exactly.

    Only options on the upper concave hull of a class's values over its costs are mixed. Steps along
    the hulls are taken in the order of what they gain for their cost, the last one in part.

    Args:
      values: of each option in each class.
      costs: of each option, at least 0; the same for all classes, or one row a class.
      weights: share of the prompts in each class, summing to one.
      budget: bound on the mean cost.

    Raises:
      ValueError: the cheapest options cost more than the budget.

    Example:
      >>> import numpy as np
      >>> from verigap.theory.compute_allocation import best_allocation
      >>> pass_at = np.array([[0.9, 0.97], [0.1, 0.19]])
      >>> best = best_allocation(pass_at, np.array([[1.0, 2.0]]), np.array([0.5, 0.5]), 1.25)
      >>> round(best.value, 4), best.mixture.tolist()
      (0.5225, [[1.0, 0.0], [0.5, 0.5]])
    """
    costs = np.broadcast_to(costs, values.shape)
    mixture = np.zeros(values.shape)
    steps: list[tuple[float, int, int, int, float]] = []
    for each, (value, cost) in enumerate(zip(values, costs, strict=True)):
        hull = _upper_hull(value, cost)
        mixture[each, hull[0]] = 1.0
        for place, before in enumerate(hull[:-1]):
            after = hull[place + 1]
            rise, paid = value[after] - value[before], cost[after] - cost[before]
            steps.append((rise / paid, each, before, after, weights[each] * paid))
    left = budget - float(weights @ (mixture * costs).sum(axis=1))
    if left < -1e-12 * max(abs(budget), 1.0):
        raise ValueError(f"budget: {budget:g} is below the {budget - left:g} that everything needs")
    # Within a class the slopes fall, so that the order keeps a class's steps in theirs.
    for _, each, before, after, paid in sorted(steps, key=lambda step: -step[0]):
        share = 1.0 if paid <= left else max(left, 0.0) / paid
        mixture[each, before] -= share
        mixture[each, after] += share
        left -= share * paid
        if share < 1.0:
            break
    spent = float(weights @ (mixture * costs).sum(axis=1))
    return ComputeAllocation(float(weights @ (mixture * values).sum(axis=1)), spent, mixture)


def pilot_classes(
    success: Float[np.ndarray, " kinds"], pilot: int
) -> Float[np.ndarray, "kinds classes"]:
    """P(k of m pilot samples are right) for prompts of each kind; the classes are k = 0..m.

    Args:
      success: probability that a sample is right, of each kind of prompt.
      pilot: m, at least 0.
    """
    shape = (len(success), pilot + 1)
    counts = host_array(np.broadcast_to(np.arange(pilot + 1), shape))
    chance = host_array(np.broadcast_to(success[:, None], shape))
    trials = host_array(np.full(shape, pilot))
    return np.exp(np.asarray(binomial_log_pmf(counts, trials, chance)))


def allocation_by_class(
    values: Float[np.ndarray, "kinds _ options"],
    costs: Float[np.ndarray, " options"],
    shares: Float[np.ndarray, " kinds"],
    seen: Float[np.ndarray, "kinds classes"],
    budget: float,
) -> ComputeAllocation:
    """The best allocation where only a class of each prompt is seen, not its kind.

    Args:
      values: of an option for a prompt of a kind that shows a class, of shape (kinds, classes or 1,
        options).
      costs: of each option, with what the class itself cost.
      shares: of the kinds among the prompts, summing to one.
      seen: probability of each class given the kind; the identity for known difficulty, one column
        for none.
      budget: bound on the mean cost.

    Raises:
      ValueError: the cheapest options cost more than the budget.

    Example:
      >>> import numpy as np
      >>> from verigap.theory.compute_allocation import allocation_by_class, pilot_classes
      >>> success, counts = np.array([0.5, 0.1]), np.arange(1, 9)
      >>> pass_at = 1 - (1 - success[:, None, None]) ** counts
      >>> best = [
      ...     allocation_by_class(pass_at, counts * 1.0, np.full(2, 0.5), seen, 4.0).value
      ...     for seen in (np.ones((2, 1)), np.eye(2))
      ... ]
      >>> [round(value, 4) for value in best]
      [0.6407, 0.6423]
    """
    joint = shares[:, None] * seen
    weights = joint.sum(axis=0)
    posterior = joint / np.where(weights > 0, weights, 1.0)
    of_class = (posterior[:, :, None] * values).sum(axis=0)
    return best_allocation(of_class, costs[None], weights, budget)


def _upper_hull(value: Float[np.ndarray, " O"], cost: Float[np.ndarray, " O"]) -> list[int]:
    """Options on the upper concave hull, from the best of the cheapest on, rising in both."""
    hull: list[int] = []
    for option in np.lexsort((-value, cost)).tolist():
        if hull and (value[option] <= value[hull[-1]] or cost[option] == cost[hull[-1]]):
            continue
        while len(hull) > 1:
            first, last = hull[-2:]
            rise = (value[last] - value[first]) * (cost[option] - cost[first])
            if rise > (value[option] - value[first]) * (cost[last] - cost[first]):
                break
            hull.pop()
        hull.append(option)
    return hull
