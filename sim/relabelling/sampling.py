"""Evidence by sufficient statistics: any class size, at a cost that does not depend on it.

Only the most likely wrong codewords can matter one by one. Their base ranks are the smallest of
2^d - 1 independent uniforms, drawn exactly and in order by Renyi's representation; a rank turns
into a log-likelihood through the lattice, or into consistency with the labels by comparison with
q. All other codewords form a crowd whose sums are Gaussian with exact conditional moments
(docs/theory.md, exact risks).
"""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray

from verigap.sim.relabelling.evidence import Demonstrations, Labels
from verigap.theory.lattices import LikelihoodLattice, SumLattice, log_cumsum

_LN2 = math.log(2.0)


def _log1mexp(log_s: Float[Array, "*batch"]) -> Float[Array, "*batch"]:
    """ln(1 - exp(-s)) from ln s, for s far below the smallest float as well."""
    s = jnp.exp(jnp.minimum(log_s, 80.0))
    small = s < 1e-4
    return jnp.where(small, log_s - 0.5 * s, jnp.log(-jnp.expm1(-jnp.where(small, 1.0, s))))


def top_log_ranks(
    key: PRNGKeyArray, log2_class_size: Float[Array, ""], listed: int
) -> Float[Array, " listed"]:
    """Logs of the `listed` smallest of 2^d - 1 uniform ranks, ascending; +inf where none is left.

    -ln(1 - U_(i)) = sum_{j <= i} E_j / (2^d - j) with E_j standard exponential.
    """
    dtype = log2_class_size.dtype
    position = jnp.arange(1, listed + 1, dtype=dtype)
    share = position * jnp.exp2(-log2_class_size)
    exists = share < 1.0 - 0.5 * jnp.exp2(-log2_class_size)
    spacing = jax.random.exponential(key, (listed,), dtype) / jnp.where(exists, 1.0 - share, 1.0)
    log_s = jnp.log(jnp.cumsum(spacing)) - log2_class_size * _LN2
    return jnp.where(exists, _log1mexp(log_s), jnp.inf)


def _log_crowd_size(log2_class_size: Float[Array, ""], listed: int) -> Float[Array, ""]:
    """ln(2^d - 1 - listed), -inf when every wrong codeword is listed."""
    share = (1.0 + listed) * jnp.exp2(-log2_class_size)
    some = share < 1.0 - 0.5 * jnp.exp2(-log2_class_size)
    return jnp.where(
        some, log2_class_size * _LN2 + jnp.log1p(-jnp.where(some, share, 0.0)), -jnp.inf
    )


def _lookup(lattice: LikelihoodLattice, log_rank: Float[Array, "*batch"]) -> Int[Array, "*batch"]:
    """Highest cell whose base tail is at least the rank; -1 beyond the lattice's base mass."""
    return jnp.searchsorted(-lattice.log_base_tail, -log_rank, side="right").astype(jnp.int32) - 1


class DemonstrationSampler:
    """Draws `Demonstrations` for one game; precomputes the crowd's truncated moments."""

    def __init__(
        self, lattice: LikelihoodLattice, log2_class_size: Float[Array, ""], listed: int
    ) -> None:
        self.lattice = lattice
        self.log2_class_size = log2_class_size
        self.listed = listed
        impossible = jnp.isneginf(lattice.log_expert)
        weighted = jnp.where(impossible, -jnp.inf, lattice.log_expert + lattice.log_ratio)
        nothing = jnp.full((1,), -jnp.inf, lattice.log_expert.dtype)
        self.expert_cdf = jnp.cumsum(jnp.exp(lattice.log_expert))
        # Base moments of L and L^2 strictly below each cell: E_base[L; .] = P_expert(.).
        self.log_first = jnp.concatenate([nothing, log_cumsum(lattice.log_expert)[:-1]])
        self.log_second = jnp.concatenate([nothing, log_cumsum(weighted)[:-1]])

    def __call__(self, key: PRNGKeyArray) -> Demonstrations:
        """One data set; the true codeword is listed first."""
        true_key, rank_key, crowd_key = jax.random.split(key, 3)
        lattice = self.lattice
        dtype = lattice.log_ratio.dtype
        draw = jax.random.uniform(true_key, (), dtype) * self.expert_cdf[-1]
        true_cell = jnp.searchsorted(self.expert_cdf, draw, side="right")
        true_cell = jnp.minimum(true_cell, lattice.log_ratio.shape[0] - 1)
        log_rank = top_log_ranks(rank_key, self.log2_class_size, self.listed)
        cell = _lookup(lattice, log_rank)
        found = cell >= 0
        wrong = jnp.where(found, lattice.log_ratio[jnp.maximum(cell, 0)], -jnp.inf)

        # The crowd: ranks above the last listed one, which splits its own cell.
        last = jnp.maximum(cell[-1], 0)
        share = jnp.exp(jnp.minimum(log_rank[-1] - lattice.log_base_tail[last], 0.0))
        log_part = lattice.log_base_tail[last] + jnp.log1p(-jnp.minimum(share, 1.0))
        step = lattice.log_ratio[last]
        step = jnp.where(jnp.isneginf(log_part), 0.0, step)
        log_above = jnp.log1p(-jnp.exp(jnp.minimum(log_rank[-1], -1e-12)))
        log_size = _log_crowd_size(self.log2_class_size, self.listed)
        log_first = jnp.logaddexp(self.log_first[last], log_part + step) - log_above
        log_second = jnp.logaddexp(self.log_second[last], log_part + 2.0 * step) - log_above
        # Nobody is left, or whoever is left is ruled out by the traces.
        empty = jnp.isneginf(log_size) | ~found[-1] | jnp.isneginf(log_first)
        log_mean = jnp.where(empty, -jnp.inf, log_size + log_first)
        log_square = jnp.where(empty, -jnp.inf, log_size + log_second)
        # Var of a sum of N independent L is N (E L^2 - (E L)^2); here over its squared mean.
        raw = jnp.exp(log_square - 2.0 * jnp.where(empty, 0.0, log_mean))
        centred = jnp.maximum(raw - jnp.exp(-jnp.where(empty, 0.0, log_size)), 0.0)
        relative = jnp.where(empty, 0.0, jnp.sqrt(centred))
        wobble = jnp.maximum(relative * jax.random.normal(crowd_key, (), dtype), -0.9)
        return Demonstrations(
            jnp.concatenate([lattice.log_ratio[true_cell][None], wrong]),
            log_mean + jnp.log1p(wobble),
            log_square,
        )


class LabelSampler:
    """Draws `Labels` for one game from the law of ln q."""

    def __init__(self, labels: SumLattice, log2_class_size: Float[Array, ""], listed: int) -> None:
        self.labels = labels
        self.log2_class_size = log2_class_size
        self.listed = listed
        self.cdf = jnp.cumsum(labels.probabilities)

    def __call__(self, key: PRNGKeyArray) -> Labels:
        """One data set; the true codeword is listed first and always consistent."""
        label_key, rank_key, crowd_key = jax.random.split(key, 3)
        dtype = self.labels.values.dtype
        draw = jax.random.uniform(label_key, (), dtype) * self.cdf[-1]
        cell = jnp.searchsorted(self.cdf, draw, side="right")
        log_q = self.labels.values[jnp.minimum(cell, self.cdf.shape[0] - 1)]
        log_rank = top_log_ranks(rank_key, self.log2_class_size, self.listed)
        consistent = log_rank <= log_q
        # When all listed ones survive, the rest of the count is Binomial; its size makes the
        # rounded normal accurate.
        log_size = _log_crowd_size(self.log2_class_size, self.listed)
        log_rate = log_q + jnp.log1p(-jnp.exp(jnp.minimum(log_rank[-1] - log_q, 0.0)))
        log_rate = log_rate - jnp.log1p(-jnp.exp(jnp.minimum(log_rank[-1], -1e-12)))
        full = consistent[-1] & ~jnp.isneginf(log_size)
        mean = jnp.where(full, jnp.exp(jnp.where(full, log_size + log_rate, 0.0)), 0.0)
        chance = jnp.minimum(jnp.exp(jnp.where(full, log_rate, -jnp.inf)), 1.0)
        noise = jnp.sqrt(mean * (1.0 - chance)) * jax.random.normal(crowd_key, (), dtype)
        crowd = jnp.where(full, jnp.maximum(jnp.round(mean + noise), 0.0), 0.0)
        return Labels(jnp.concatenate([jnp.ones((1,), bool), consistent]), crowd)
