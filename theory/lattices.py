"""Laws of sums over n independent traces, on a lattice of cells.

Two sums decide everything in the relabelling game: the log-likelihood ratio of a codeword given n
expert traces, and the log-probability of the n labels that base traces receive.
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

from jaxtyping import Float

from verigap.theory.arrays import (
    Array,
    added_at,
    complex_numbers,
    irfft,
    rfft,
    running_logsumexp,
    running_sum,
    xp,
)
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


class SumLattice(NamedTuple):
    """Law of a sum: `values` ascending and equally spaced, `probabilities` summing to one."""

    values: Float[Array, "*batch cells"]
    probabilities: Float[Array, "*batch cells"]


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


def sum_of_terms(transforms: StepTransforms, counts: Float[Array, "*batch prompts"]) -> SumLattice:
    """Law of the sum of counts[x] independent terms of every prompt x, by one inverse FFT.

    Probabilities below the rounding of the transform are set to 0.

    Args:
      transforms: of one term on every prompt.
      counts: terms on each prompt; one law for each vector of counts.

    Returns:
      Values, in the unit of a term, and probabilities, both of shape (*batch, cells).
    """
    cells = 2 * (transforms.log_modulus.shape[-1] - 1)
    size = xp.exp(counts @ transforms.log_modulus)
    angle = counts @ transforms.angle
    total = irfft(complex_numbers(size * xp.cos(angle), size * xp.sin(angle)), cells)
    total = xp.roll(total, cells // 2, axis=-1)
    # Rounding of the transform grows with the power it is raised to.
    eps = float(xp.finfo(total.dtype).eps)
    terms = xp.sum(counts, axis=-1, keepdims=True)
    noise = 8.0 * xp.sqrt(terms) * eps * xp.max(total, axis=-1, keepdims=True)
    total = xp.where(total > noise, total, 0.0)
    offsets = xp.broadcast_to(xp.arange(cells, dtype=total.dtype) - cells // 2, total.shape)
    mean = xp.broadcast_to(transforms.mean, counts.shape)
    mean = xp.sum(counts * mean, axis=-1, keepdims=True)
    values = mean + transforms.step * offsets
    return SumLattice(values, total / xp.sum(total, axis=-1, keepdims=True))


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
