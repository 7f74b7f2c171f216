"""Pairs of laws between which a chance of success must lie, where scores are put on a lattice.

Neither end is a guess at the error: the higher law is that of a better informed learner, the lower
one that of a learner who decides by rounded scores (docs/theory.md, lattices for general laws).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from verigap.theory.arrays import Array, on_host, xp
from verigap.theory.binomial_lattices import fits, two_valued_lattice, two_values
from verigap.theory.lattices import (
    LikelihoodLattice,
    SumLattice,
    as_likelihood,
    expert_steps,
    label_lattice,
    step_transforms,
    sum_of_terms,
    with_tail,
)
from verigap.theory.laws import RewardLaw
from verigap.theory.score_types import enumerated_labels, enumerated_likelihood


class LikelihoodEnds(NamedTuple):
    """Two laws of ln L between whose chances of a match the true one lies.

    Attributes:
      low: of which the chance is at most the true one.
      high: of which it is at least the true one.
      exact: whether both are the law itself, with nothing rounded to a lattice.
    """

    low: LikelihoodLattice
    high: LikelihoodLattice
    exact: Bool[Array | np.ndarray, ""]


class LabelEnds(NamedTuple):
    """Two laws of ln q between whose shares of a random survivor the true one lies.

    Attributes:
      low: of which the share is at most the true one.
      high: of which it is at least the true one.
      exact: whether both are the law itself, with nothing rounded to a lattice.
    """

    low: SumLattice
    high: SumLattice
    exact: Bool[Array | np.ndarray, ""]


def _rounded(
    values: Float[Array, "1 K"],
    probabilities: Float[Array, "1 K"],
    data_budget: Float[Array, ""],
    cells: int,
) -> LikelihoodLattice:
    """Law of ln L with every increment at its nearest cell, under the expert and under the base.

    The base's law is tilted by the rounded increments before the transform, and back after it, so
    that its tail keeps its relative accuracy.
    """
    counts = data_budget[None]
    expert = step_transforms(values, probabilities, data_budget, cells, counts, "nearest")
    index = xp.floor((values - expert.mean[:, None]) / expert.step + 0.5)
    charged = probabilities > 0
    moved = expert.mean[:, None] + expert.step * index - values
    tilted = xp.where(charged, probabilities * xp.exp(xp.where(charged, moved, 0.0)), 0.0)
    total = xp.sum(tilted, axis=-1)
    base = step_transforms(
        values, probabilities, data_budget, cells, counts, "nearest",
        weights=tilted / total[:, None],
    )  # fmt: skip
    law = sum_of_terms(expert, counts)
    log_tilted = xp.log(sum_of_terms(base, counts).probabilities)
    log_base = log_tilted + data_budget * xp.log(total[0]) - law.values
    return with_tail(law.values, xp.log(law.probabilities), xp.minimum(log_base, 0.0))


def likelihood_ends(
    law: RewardLaw,
    density_ratio: Float[Array, "1 K"],
    data_budget: Float[Array, ""],
    log2_class_size: Float[Array, ""],
    cells: int = 1 << 16,
) -> LikelihoodEnds:
    """Laws of ln L between which maximum likelihood is right, on one prompt.

    Exact where the density ratio has two values and, on NumPy arrays, where the types of scores are
    few enough to be enumerated.

    Args:
      law: of one prompt, shape (1, K).
      density_ratio: of the expert to the base.
      data_budget: n, traces.
      log2_class_size: d, only used to place a window.
      cells: static number of cells, even.
    """
    if on_host(law, density_ratio, data_budget, log2_class_size):
        found = enumerated_likelihood(law, density_ratio, float(data_budget))
        if found is not None:
            return LikelihoodEnds(found, found, np.asarray(True))
    values, probabilities = expert_steps(law, density_ratio)
    counts = data_budget[None]
    split = step_transforms(
        values, probabilities, data_budget, cells, counts, "inverse exponential"
    )
    high = as_likelihood(sum_of_terms(split, counts))
    low = _rounded(values, probabilities, data_budget, cells)
    pair, only_two = two_values(law, density_ratio)
    exact = only_two & fits(data_budget, pair, log2_class_size, cells)
    binomial = two_valued_lattice(data_budget, pair, log2_class_size, cells)

    def chosen(general: LikelihoodLattice) -> LikelihoodLattice:
        pairs = zip(binomial, general, strict=True)
        return LikelihoodLattice(*(xp.where(exact, two, many) for two, many in pairs))

    return LikelihoodEnds(chosen(low), chosen(high), exact)


def label_ends(law: RewardLaw, data_budget: Float[Array, ""], cells: int = 1 << 15) -> LabelEnds:
    """Laws of ln q between which a random survivor is right, on any prompts.

    Exact, on NumPy arrays, where the types of labels are few enough to be enumerated.

    Args:
      law: of the prompts, shape (prompts, K).
      data_budget: n, labels.
      cells: static number of cells, even.
    """
    if on_host(law, data_budget):
        found = enumerated_labels(law, float(data_budget))
        if found is not None:
            return LabelEnds(found, found, np.asarray(True))
    low = label_lattice(law, data_budget, cells, "inverse exponential")
    high = label_lattice(law, data_budget, cells, "exponential")
    # One chance for every label, as where all returns differ: the lattice has no width.
    one_level = low.values[-1] - low.values[0] <= 1e-9 * xp.abs(low.values[0])
    return LabelEnds(low, high, one_level)
