"""Exact risks of the version-space (VB) learners in the relabelling game."""

from __future__ import annotations

import math

import jax.numpy as jnp
from jax.scipy.special import gammaln
from jaxtyping import Array, Float

from verigap.theory.binomial import binomial_log_pmf
from verigap.theory.lattices import SumLattice
from verigap.theory.risks.ties import log_tie_share

_LN2 = math.log(2.0)


def survivor_share(labels: SumLattice, log2_class_size: Float[Array, ""]) -> Float[Array, ""]:
    """E[1/(S + 1)], S the number of wrong codewords consistent with all n labels.

    S ~ Binomial(2^d - 1, q) given the labels; the expectation over S is closed form and the one
    over ln q is the lattice sum. Source: docs/theory.md, exact risks (beyond arXiv 2502.12118).

    Example:
      >>> import jax.numpy as jnp
      >>> from verigap.theory import RewardLaw
      >>> from verigap.theory.lattices import label_lattice
      >>> from verigap.theory.risks import survivor_share
      >>> law = RewardLaw.equiprobable(jnp.asarray([[0.0, 8.0]]))
      >>> labels = label_lattice(law, jnp.asarray(2.0), 64)
      >>> round(float(survivor_share(labels, jnp.asarray(2.0))), 3)
      0.684
    """
    share = jnp.exp(log_tie_share(labels.values, log2_class_size))
    return jnp.sum(labels.probabilities * share)


def plug_in_risk(
    labels: SumLattice,
    log2_class_size: Float[Array, ""],
    expert_gain: Float[Array, ""],
    policy_gain: Float[Array, ""],
) -> Float[Array, ""]:
    """Risk J_e - mean - E[1/(S+1)] (J(policy) - mean) of trusting a random survivor (tokens).

    Negative when the policy beats the expert and the survivor is likely right.

    Args:
      labels: law of ln q, from `label_lattice`.
      log2_class_size: d.
      expert_gain: J_e - mean of the expert compared with (tokens).
      policy_gain: J - mean of the policy played when the survivor is right: the conditional
        policy, best-of-N, or a chi-square expert (tokens).

    Example:
      >>> import jax.numpy as jnp
      >>> from verigap.theory import RewardLaw
      >>> from verigap.theory.lattices import label_lattice
      >>> from verigap.theory.risks import plug_in_risk
      >>> law = RewardLaw.equiprobable(jnp.asarray([[0.0, 8.0]]))
      >>> labels = label_lattice(law, jnp.asarray(2.0), 64)
      >>> d, expert_gain, policy_gain = (jnp.asarray(x) for x in (2.0, 2.0, 4.0))
      >>> round(float(plug_in_risk(labels, d, expert_gain, policy_gain)), 3)
      -0.734
    """
    return expert_gain - survivor_share(labels, log2_class_size) * policy_gain


def two_level_agreement(others: Float[Array, "*batch"]) -> Float[Array, "*batch"]:
    """E|sum of m fair signs| / m for m = others + 1: what m survivors still know in a fresh column.

    Equals C(m - 1, floor((m - 1)/2)) / 2^(m - 1); sqrt(2/(pi m)) for large m.
    """
    half = jnp.floor(0.5 * others)
    fair = jnp.full((), 0.5, dtype=others.dtype)
    return jnp.exp(binomial_log_pmf(half, others, fair))


def two_level_pessimistic_gain(
    data_budget: Float[Array, ""],
    log2_class_size: Float[Array, ""],
    sd: Float[Array, ""],
    coverage: Float[Array, ""],
) -> Float[Array, ""]:
    """Exact gain over the base mean of version space + pessimism in the two-level game (tokens).

    The max-min policy prefers the trace on which most survivors agree (docs/theory.md), as far as
    density ratios of at most 1/coverage allow, coverage in [1/2, 1]. A wrong codeword survives n
    labels with probability 2^-n. The survivor count is summed exactly up to 2,048 expected
    survivors, and taken at its mean above.

    Example:
      >>> import jax.numpy as jnp
      >>> from verigap.theory.risks import two_level_pessimistic_gain
      >>> n, d, sd, coverage = (jnp.asarray(x) for x in (8.0, 4.0, 4.0, 0.5))
      >>> round(float(two_level_pessimistic_gain(n, d, sd, coverage)), 2)
      3.89
    """
    log_expected = (log2_class_size - data_budget) * _LN2
    expected = jnp.exp(jnp.minimum(log_expected, 60.0))
    count = jnp.arange(4096, dtype=expected.dtype)
    # Poisson and binomial counts differ by at most q; where q matters, 2^d - 1 is a small integer.
    # Powers of two may come out a rounding below an integer, which would lose the last count.
    others = jnp.round(jnp.exp2(jnp.minimum(log2_class_size, 40.0))) - 1.0
    exact = log2_class_size <= 16.0
    trials = jnp.broadcast_to(jnp.where(exact, others, 1.0), count.shape)
    binomial = binomial_log_pmf(count, trials, jnp.exp2(-data_budget))
    rate = jnp.minimum(expected, 4096.0)
    poisson = count * jnp.minimum(log_expected, 9.0) - rate - gammaln(count + 1.0)
    weight = jnp.exp(jnp.where(exact, binomial, poisson))
    summed = jnp.sum(weight * two_level_agreement(count)) / jnp.sum(weight)
    crowded = jnp.exp(0.5 * (jnp.log(2.0 / jnp.pi) - jnp.maximum(log_expected, 0.0)))
    reach = jnp.minimum(1.0 / coverage - 1.0, 1.0)
    return sd * reach * jnp.where(expected > 2048.0, crowded, summed)
