"""What is static about a simulation of the relabelling game: how finely, how many, how chunked."""

from __future__ import annotations

from dataclasses import dataclass, replace

from verigap.theory import RewardLaw
from verigap.theory.arrays import host_array
from verigap.theory.balls import BALLS, Divergence
from verigap.theory.binomial_lattices import two_level_cells

_POPULATION_CELLS, _POPULATION_CHUNK = 1 << 14, 8
_FAIR = RewardLaw.equiprobable(host_array([0.0, 1.0]))


@dataclass(frozen=True)
class Accuracy:
    """How much work a cell of one prompt is worth.

    Attributes:
      transformed_cells: lattice cells of a law with more than two returns (a power of two).
      least_two_level_cells: lattice cells that a two-level law has at least (a power of two).
      two_level_listed: wrong codewords of a two-level law simulated one by one.
    """

    transformed_cells: int
    least_two_level_cells: int
    two_level_listed: int


SWEEP = Accuracy(transformed_cells=1 << 14, least_two_level_cells=1 << 12, two_level_listed=32)
"""Accuracy for thousands of cells, where one program serves all two-level cells of common size."""

SINGLE = Accuracy(transformed_cells=1 << 15, least_two_level_cells=1 << 10, two_level_listed=64)
"""Accuracy for one setting at a time, where a finer lattice and a longer list cost little."""


@dataclass(frozen=True)
class Plan:
    """What is static about a simulation, and so decides which cells share one compiled program.

    Attributes:
      learners: registry names.
      replicates: independent data sets a cell.
      cells: lattice cells of the log-likelihood (a power of two).
      listed: wrong codewords simulated one by one.
      chunk: replicates vectorised together, to fit the cache.
    """

    learners: tuple[str, ...]
    replicates: int
    cells: int
    listed: int
    chunk: int = 250


def plan_for(
    shape: tuple[int, int],
    *,
    learners: tuple[str, ...],
    replicates: int,
    expert_radius: float,
    data_budget: int,
    log2_class_size: float,
    accuracy: Accuracy,
    divergence: Divergence = "chi2",
) -> Plan:
    """The plan that suits a game: how finely its log-likelihoods are told apart, and how chunked.

    Args:
      shape: prompts and traces of the law.
      learners: registry names.
      replicates: independent data sets a cell.
      expert_radius: kappa' of the demonstrating expert.
      data_budget: n, traces.
      log2_class_size: d, bits.
      accuracy: how much work a cell is worth.
      divergence: what `expert_radius` bounds.
    """
    plan = Plan(learners, replicates, accuracy.transformed_cells, listed=16)
    if shape == (1, 2):
        tilt = float(BALLS[divergence].expert(_FAIR, expert_radius).ratio_excess[-1])
        needed = two_level_cells(data_budget, tilt, log2_class_size)
        cells = max(accuracy.least_two_level_cells, needed)
        return replace(plan, cells=cells, listed=accuracy.two_level_listed)
    if shape[0] > 1:
        # Each data set of a population has a lattice of its own, so fewer fit into the cache.
        return replace(plan, cells=_POPULATION_CELLS, chunk=_POPULATION_CHUNK)
    return plan
