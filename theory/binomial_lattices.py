"""Laws of ln L where the expert's density ratio takes two values: the score counts the hits."""

from __future__ import annotations

import math
from typing import NamedTuple

from jaxtyping import Bool, Float

from verigap.theory.arrays import Array, set_at, xp
from verigap.theory.binomial import binomial_log_pmf
from verigap.theory.lattices import LikelihoodLattice, with_tail
from verigap.theory.laws import RewardLaw

_LN2 = math.log(2.0)
_SAME = 1e-12


def two_level_cells(data_budget: int, tilt: float, log2_class_size: float) -> int:
    """Cells (a power of two) that `two_level_lattice` needs to lose no mass above e^-40.

    The window holds the bulk of both laws and every count that one of 2^d wrong codewords reaches.
    """
    low, high = _window(float(data_budget), 0.5, tilt, log2_class_size, math.sqrt, max, min)
    return 1 << max(3, math.ceil(math.log2(max(min(high, data_budget) - max(low, 0) + 1, 1))))


def _window(n, base_chance, lift, log2_class_size, sqrt, maximum, minimum):
    """Counts between which the lattice must reach; shared by host and device code.

    By Hoeffding's inequality, in spreads of half a root of n; the lift is twice what the expert
    adds to the base's chance.
    """
    spread = 0.5 * sqrt(n)
    reach = sqrt(2.0 * _LN2 * (log2_class_size + 60.0))
    low = base_chance * n - 10.0 * spread - 1.0
    # Once the expert's mean lies far above every wrong codeword, how far does not matter.
    mean = minimum(lift * sqrt(n), reach + 40.0)
    high = base_chance * n + maximum(reach, mean + 10.0) * spread + 1.0
    return low, high


class TwoValues(NamedTuple):
    """A density ratio that takes two values, on one prompt; a trace of the higher one is a hit.

    Attributes:
      base_chance, expert_chance: of a hit, in (0, 1].
      lift: twice their difference, >= 0.
      log_hit, log_miss: logarithms of the two values; the lower one may be -inf.
    """

    base_chance: Float[Array, ""]
    expert_chance: Float[Array, ""]
    lift: Float[Array, ""]
    log_hit: Float[Array, ""]
    log_miss: Float[Array, ""]


def two_level_lattice(
    data_budget: Float[Array, ""],
    tilt: Float[Array, ""],
    log2_class_size: Float[Array, ""],
    cells: int,
) -> LikelihoodLattice:
    """Exact lattice of the two-level game: the cell is the number of agreements with a codeword.

    Agreements are Binomial(n, (1 + tilt)/2) under the expert and Binomial(n, 1/2) for a wrong
    codeword; ln L = a ln(1 + tilt) + (n - a) ln(1 - tilt).

    Args:
      data_budget: n >= 1.
      tilt: epsilon in (0, 1], the square root of the expert's chi-square.
      log2_class_size: d, only used to place the window.
      cells: static number of cells, at least `two_level_cells(n, tilt, d)`.
    """
    certain = tilt >= 1.0
    values = TwoValues(
        xp.full((), 0.5, dtype=xp.result_type(data_budget, tilt)),
        0.5 * (1.0 + tilt),
        tilt,
        xp.log1p(tilt),
        xp.where(certain, -xp.inf, xp.log1p(-xp.where(certain, 0.0, tilt))),
    )
    return two_valued_lattice(data_budget, values, log2_class_size, cells)


def two_values(
    law: RewardLaw, density_ratio: Float[Array, "prompts K"]
) -> tuple[TwoValues, Bool[Array, ""]]:
    """The two values of a density ratio on the first prompt, and whether it has no third one.

    Values that differ by less than 1e-12 of themselves are one: the chance of a match does not
    notice (docs/theory.md, exact risks). Where there is a third value, the two are meaningless.
    """
    ratio, base = density_ratio[0], law.probabilities[0]
    charged = base > 0
    top = xp.max(xp.where(charged, ratio, 0.0))
    bottom = xp.min(xp.where(charged, ratio, xp.inf))
    hit = charged & (ratio >= top * (1.0 - _SAME))
    miss = charged & ~hit
    none_other = ~xp.any(miss & (ratio > bottom * (1.0 + _SAME)))
    chance = xp.sum(xp.where(hit, base, 0.0))
    expert = xp.sum(xp.where(hit, base * ratio, 0.0))
    possible = bottom > 0
    log_miss = xp.where(possible, xp.log(xp.where(possible, bottom, 1.0)), -xp.inf)
    lift = 2.0 * (expert - chance)
    return TwoValues(chance, xp.minimum(expert, 1.0), lift, xp.log(top), log_miss), none_other


def two_valued_lattice(
    data_budget: Float[Array, ""],
    values: TwoValues,
    log2_class_size: Float[Array, ""],
    cells: int,
) -> LikelihoodLattice:
    """Exact lattice where the density ratio has two values: the cell is the number of hits.

    Args:
      data_budget: n >= 1.
      values: of the density ratio, and their chances.
      log2_class_size: d, only used to place the window.
      cells: static number of cells, as many as `fits` asks for.
    """
    low, high = _window(
        data_budget, values.base_chance, values.lift, log2_class_size,
        xp.sqrt, xp.maximum, xp.minimum,
    )  # fmt: skip
    # Where the window is larger than needed it reaches further down, never past the counts.
    start = xp.minimum(xp.ceil(high), data_budget) - (cells - 1)
    start = xp.maximum(xp.maximum(xp.minimum(xp.floor(low), start), start), 0.0)
    count = xp.floor(start) + xp.arange(cells, dtype=start.dtype)
    missing = data_budget - count
    possible = missing >= 0
    misses = xp.maximum(missing, 0.0)
    forbidden = xp.isneginf(values.log_miss)
    fatal = forbidden & (misses > 0)
    downward = misses * xp.where(forbidden, 0.0, values.log_miss)
    log_ratio = xp.where(fatal, -xp.inf, count * values.log_hit + downward)
    log_expert = binomial_log_pmf(count, data_budget, values.expert_chance)
    log_base = binomial_log_pmf(count, data_budget, values.base_chance)
    # Expert mass above the window goes to its top cell, which beats every wrong codeword as well.
    missing = 1.0 - xp.sum(xp.exp(log_expert))
    rounding = max(1e-10, 800.0 * float(xp.finfo(log_expert.dtype).eps))
    is_lost = missing > rounding
    log_missing = xp.where(is_lost, xp.log(xp.maximum(missing, rounding)), -xp.inf)
    last = xp.minimum(data_budget - count[0], cells - 1.0).astype(xp.int32)
    log_expert = set_at(log_expert, last, xp.logaddexp(log_expert[last], log_missing))
    # Its ratio is then the largest one, as at tilt 1 every smaller count has ratio 0.
    best = data_budget * values.log_hit
    log_ratio = set_at(log_ratio, last, xp.where(is_lost, best, log_ratio[last]))
    return with_tail(
        xp.where(possible, log_ratio, best + count),
        xp.where(possible, log_expert, -xp.inf),
        xp.where(possible, log_base, -xp.inf),
    )


def fits(
    data_budget: Float[Array, ""],
    values: TwoValues,
    log2_class_size: Float[Array, ""],
    cells: int,
) -> Bool[Array, ""]:
    """Whether so many cells hold all hits of `two_valued_lattice` that matter."""
    low, high = _window(
        data_budget, values.base_chance, values.lift, log2_class_size,
        xp.sqrt, xp.maximum, xp.minimum,
    )  # fmt: skip
    return xp.minimum(high, data_budget) - xp.maximum(low, 0.0) + 3.0 <= cells
