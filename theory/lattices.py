"""Laws of sums over n independent traces, on a lattice of cells.

Two sums decide everything in the relabelling game: the log-likelihood ratio of a codeword given n
expert traces, and the log-probability of the n labels that base traces receive.
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

from jaxtyping import Bool, Float

from verigap.theory.arrays import (
    Array,
    added_at,
    complex_numbers,
    irfft,
    rfft,
    running_logsumexp,
    running_sum,
    set_at,
    xp,
)
from verigap.theory.binomial import binomial_log_pmf
from verigap.theory.laws import RewardLaw
from verigap.theory.precision import warn_unless_float64

_LN2 = math.log(2.0)
_SAME = 1e-12


class LikelihoodLattice(NamedTuple):
    """Law of ln L = sum_i ln w(trace_i) over n traces, w the expert's density ratio to the base.

    Attributes:
      log_ratio: value of ln L in each cell (nats), ascending.
      log_expert: log-probability of the cell when the traces come from the expert.
      log_base: the same when the codeword is wrong, that is, traces are base draws to it.
      log_base_tail: ln P_base(ln L >= cell).
    """

    log_ratio: Float[Array, " cells"]
    log_expert: Float[Array, " cells"]
    log_base: Float[Array, " cells"]
    log_base_tail: Float[Array, " cells"]


def log_cumsum(logs: Float[Array, " cells"], *, reverse: bool = False) -> Float[Array, " cells"]:
    """ln of the running sums of exp(logs)."""
    if logs.dtype != xp.float64:
        return running_logsumexp(logs, reverse=reverse)
    # Thirty times faster, and right unless a term below e^-700 of the largest matters.
    top = xp.maximum(xp.max(logs), float(xp.finfo(logs.dtype).min))
    return xp.log(running_sum(xp.exp(logs - top), reverse=reverse)) + top


def with_tail(
    log_ratio: Float[Array, " cells"],
    log_expert: Float[Array, " cells"],
    log_base: Float[Array, " cells"],
) -> LikelihoodLattice:
    """A lattice with the base's tail filled in."""
    tail = xp.minimum(log_cumsum(log_base, reverse=True), 0.0)
    return LikelihoodLattice(log_ratio, log_expert, log_base, tail)


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


class SumLattice(NamedTuple):
    """Law of a sum: `values` ascending and equally spaced, `probabilities` summing to one."""

    values: Float[Array, " cells"]
    probabilities: Float[Array, " cells"]


Split = Literal["mean", "exponential", "inverse exponential", "nearest"]
"""What stays when a value moves to the lattice: its mean, that of its exponential or of the
inverse, by a split between the two neighbouring cells, or nothing as the nearer one takes all."""


class StepTransforms(NamedTuple):
    """Fourier transforms of the law of one term on each prompt, on one lattice.

    Attributes:
      step: distance of the lattice's cells.
      mean: mean of a term, which its law is centred at.
      log_modulus, angle: of the centred law's transform, `cells`/2 + 1 frequencies.
    """

    step: Float[Array, ""]
    mean: Float[Array, " prompts"]
    log_modulus: Float[Array, "prompts frequencies"]
    angle: Float[Array, "prompts frequencies"]


def _moments(
    values: Float[Array, "prompts K"], probabilities: Float[Array, "prompts K"]
) -> tuple[Float[Array, "prompts K"], Float[Array, " prompts"], Float[Array, " prompts"]]:
    """Centred values (0 where they have no probability), means and variances."""
    charged = probabilities > 0
    mean = xp.sum(xp.where(charged, probabilities * xp.where(charged, values, 0.0), 0.0), -1)
    centred = xp.where(charged, values - mean[:, None], 0.0)
    return centred, mean, xp.sum(probabilities * centred**2, -1)


def _upper_share(
    position: Float[Array, "prompts K"], step: Float[Array, ""], split: Split
) -> Float[Array, "prompts K"]:
    """Share of the upper cell in values so far, as a share of the step, above the lower one."""
    if split == "nearest":
        return xp.where(position >= 0.5, 1.0, 0.0).astype(position.dtype)
    if split == "exponential":
        return xp.expm1(position * step) / xp.expm1(step)
    if split == "inverse exponential":
        return xp.expm1(-position * step) / xp.expm1(-step)
    return position


def step_transforms(
    values: Float[Array, "prompts K"],
    probabilities: Float[Array, "prompts K"],
    terms: Float[Array, ""],
    cells: int,
    counts: Float[Array, " prompts"] | None = None,
    split: Split = "mean",
    weights: Float[Array, "prompts K"] | None = None,
) -> StepTransforms:
    """Transforms of one term's law on every prompt, for sums of `terms` terms.

    Each value is split between the two neighbouring cells (linearly, which keeps the mean and adds
    at most h^2/4 of variance a term, unless another split is asked for). The window is the
    Bernstein range of probability e^-40: for the given `counts` of terms on each prompt, or,
    without them, for counts that come from drawing the prompts evenly.

    Args:
      values: of a term; where the probability is 0 they are ignored.
      probabilities: of the values, rows summing to one.
      terms: n, the number of terms in all.
      cells: static number of cells, even.
      counts: terms on each prompt, summing to `terms`.
      split: how a value between two cells is shared.
      weights: probabilities to transform in place of those that place the lattice.

    Needs float64, and warns otherwise: rounding of the transform grows with the root of `terms`,
    and probabilities below 8 sqrt(terms) epsilons of the largest are lost, which in float32 is more
    than 1e-6 of the mass.
    """
    warn_unless_float64(
        "lattices.step_transforms",
        values.dtype,
        "probabilities below 1e-6 sqrt(terms) of the largest are lost",
    )
    centred, mean, variance = _moments(values, probabilities)
    reach = xp.max(xp.abs(centred))
    if counts is None:
        # The drawn prompts may have large variances: Bernstein bounds their sum.
        most = terms * xp.max(variance)
        typical = terms * xp.mean(variance)
        room = 9.0 * xp.sqrt(typical * xp.max(variance)) + 27.0 * xp.max(variance)
        spread = xp.minimum(most, typical + room)
    else:
        spread = xp.sum(counts * variance)
    half = xp.minimum(terms * reach, 9.0 * xp.sqrt(spread) + 27.0 * reach)
    # Each split may add a cell to the range; that matters where the range, not Bernstein's bound,
    # sets the window, which is below 130 terms.
    room = xp.maximum(cells - 4.0 - 2.0 * xp.minimum(terms, 130.0), 0.5 * cells)
    step = xp.maximum(2.0 * half / room, xp.finfo(values.dtype).tiny * cells)
    position = centred / step
    floor = xp.floor(position)
    weights = probabilities if weights is None else weights
    share = _upper_share(position - floor, step, split)
    index = floor.astype(xp.int32)
    row = xp.broadcast_to(xp.arange(values.shape[0])[:, None], index.shape)
    pmf = xp.zeros((values.shape[0], cells), values.dtype)
    pmf = added_at(pmf, (row, index % cells), weights * (1.0 - share))
    pmf = added_at(pmf, (row, (index + 1) % cells), weights * share)
    transform = rfft(pmf)
    size = xp.abs(transform)
    # Finite, because a prompt without terms multiplies it by 0.
    tiny = float(xp.finfo(values.dtype).tiny)
    return StepTransforms(step, mean, xp.log(xp.maximum(size, tiny)), xp.angle(transform))


def sum_of_terms(transforms: StepTransforms, counts: Float[Array, " prompts"]) -> SumLattice:
    """Law of the sum of counts[x] independent terms of every prompt x, by one inverse FFT.

    Probabilities below the rounding of the transform are set to 0.
    """
    cells = 2 * (transforms.log_modulus.shape[-1] - 1)
    size = xp.exp(counts @ transforms.log_modulus)
    angle = counts @ transforms.angle
    total = irfft(complex_numbers(size * xp.cos(angle), size * xp.sin(angle)), cells)
    total = xp.roll(total, cells // 2)
    # Rounding of the transform grows with the power it is raised to.
    eps = float(xp.finfo(total.dtype).eps)
    noise = 8.0 * xp.sqrt(xp.sum(counts)) * eps * xp.max(total)
    total = xp.where(total > noise, total, 0.0)
    offsets = xp.arange(cells, dtype=total.dtype) - cells // 2
    values = xp.sum(counts * transforms.mean) + transforms.step * offsets
    return SumLattice(values, total / xp.sum(total))


def expert_steps(
    law: RewardLaw, density_ratio: Float[Array, "prompts K"]
) -> tuple[Float[Array, "prompts K"], Float[Array, "prompts K"]]:
    """ln w of an expert trace on every prompt, and its probabilities under the expert."""
    charged = (density_ratio > 0) & (law.probabilities > 0)
    steps = xp.log(xp.where(charged, density_ratio, 1.0))
    return steps, xp.where(charged, law.probabilities * density_ratio, 0.0)


def as_likelihood(expert: SumLattice) -> LikelihoodLattice:
    """Both laws of ln L from its law under the expert.

    The base law follows as e^{-ln L} times it, so that base tails far below the rounding of the
    transform keep their relative accuracy.
    """
    log_expert = xp.log(expert.probabilities)
    return with_tail(expert.values, log_expert, log_expert - expert.values)


def likelihood_lattice(
    law: RewardLaw,
    density_ratio: Float[Array, "prompts K"],
    counts: Float[Array, " prompts"],
    cells: int = 1 << 15,
) -> LikelihoodLattice:
    """Lattice of any game, given how many expert traces there are on each prompt.

    Given the prompts the scores of the wrong codewords are independent; across data sets they are
    not, as all codewords share the prompts, so a population must be averaged over its counts.
    """
    values, probabilities = expert_steps(law, density_ratio)
    transforms = step_transforms(values, probabilities, xp.sum(counts), cells, counts)
    return as_likelihood(sum_of_terms(transforms, counts))


def label_lattice(
    law: RewardLaw,
    data_budget: Float[Array, ""],
    cells: int = 1 << 15,
    split: Split = "mean",
) -> SumLattice:
    """Law of ln q, q the chance that a wrong codeword agrees with all n labels of base traces.

    A label is the return of a base trace; q multiplies, over the traces, the base probability of
    that return on that prompt. Prompts are drawn evenly from the population.
    """
    transforms = step_transforms(*label_steps(law), data_budget, cells, split=split)
    return sum_of_terms(transforms, data_budget[None])


def label_steps(law: RewardLaw) -> tuple[Float[Array, "1 terms"], Float[Array, "1 terms"]]:
    """ln of the base probability of a label's return on its prompt, and how likely it is drawn."""
    atoms = law.atoms
    same = atoms[..., :, None] == atoms[..., None, :]
    spread = xp.broadcast_to(law.probabilities[..., None, :], same.shape)
    level = xp.sum(xp.where(same, spread, 0.0), axis=-1)
    charged = law.probabilities > 0
    log_level = xp.log(xp.where(charged, level, 1.0)).reshape(1, -1)
    mixed = (law.probabilities / xp.sum(law.probabilities)).reshape(1, -1)
    return log_level, mixed
