"""Exact risks of the version-space (VB) learners in the relabelling game."""

from __future__ import annotations

import math

from jaxtyping import Float

from verigap.theory.arrays import Array, gammaln, xp
from verigap.theory.binomial import binomial_log_pmf
from verigap.theory.lattices import SumLattice
from verigap.theory.risks.ties import log_tie_share

_LN2 = math.log(2.0)


def survivor_share(labels: SumLattice, log2_class_size: Float[Array, ""]) -> Float[Array, ""]:
    """E[1/(S + 1)], S the number of wrong codewords consistent with all n labels.

    S ~ Binomial(2^d - 1, q) given the labels; the expectation over S is closed form and the one
    over ln q is the lattice sum. Source: docs/theory.md, exact risks (beyond arXiv 2502.12118).

    Example:
      >>> import numpy as np
      >>> from verigap.theory import RewardLaw
      >>> from verigap.theory.lattices import label_lattice
      >>> from verigap.theory.risks import survivor_share
      >>> law = RewardLaw.equiprobable(np.asarray([[0.0, 8.0]]))
      >>> labels = label_lattice(law, np.asarray(2.0), 64)
      >>> round(float(survivor_share(labels, np.asarray(2.0))), 3)
      0.684
    """
    share = xp.exp(log_tie_share(labels.values, log2_class_size))
    return xp.sum(labels.probabilities * share)


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
      >>> import numpy as np
      >>> from verigap.theory import RewardLaw
      >>> from verigap.theory.lattices import label_lattice
      >>> from verigap.theory.risks import plug_in_risk
      >>> law = RewardLaw.equiprobable(np.asarray([[0.0, 8.0]]))
      >>> labels = label_lattice(law, np.asarray(2.0), 64)
      >>> d, expert_gain, policy_gain = (np.asarray(x) for x in (2.0, 2.0, 4.0))
      >>> round(float(plug_in_risk(labels, d, expert_gain, policy_gain)), 3)
      -0.734
    """
    return expert_gain - survivor_share(labels, log2_class_size) * policy_gain


def two_level_agreement(others: Float[Array, "*batch"]) -> Float[Array, "*batch"]:
    """E|sum of m fair signs| / m for m = others + 1: what m survivors still know in a fresh column.

    Equals C(m - 1, floor((m - 1)/2)) / 2^(m - 1); sqrt(2/(pi m)) for large m.
    """
    half = xp.floor(0.5 * others)
    fair = xp.full((), 0.5, dtype=others.dtype)
    return xp.exp(binomial_log_pmf(half, others, fair))


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
      >>> import numpy as np
      >>> from verigap.theory.risks import two_level_pessimistic_gain
      >>> n, d, sd, coverage = (np.asarray(x) for x in (8.0, 4.0, 4.0, 0.5))
      >>> round(float(two_level_pessimistic_gain(n, d, sd, coverage)), 2)
      3.89
    """
    log_expected = (log2_class_size - data_budget) * _LN2
    expected = xp.exp(xp.minimum(log_expected, 60.0))
    count = xp.arange(4096, dtype=expected.dtype)
    # Poisson and binomial counts differ by at most q; where q matters, 2^d - 1 is a small integer.
    # Powers of two may come out a rounding below an integer, which would lose the last count.
    others = xp.round(xp.exp2(xp.minimum(log2_class_size, 40.0))) - 1.0
    exact = log2_class_size <= 16.0
    trials = xp.broadcast_to(xp.where(exact, others, 1.0), count.shape)
    binomial = binomial_log_pmf(count, trials, xp.exp2(-data_budget))
    rate = xp.minimum(expected, 4096.0)
    poisson = count * xp.minimum(log_expected, 9.0) - rate - gammaln(count + 1.0)
    weight = xp.exp(xp.where(exact, binomial, poisson))
    # Where far more survivors are expected than are counted, all weights may be 0.
    total = xp.sum(weight)
    summed = xp.sum(weight * two_level_agreement(count)) / xp.where(total > 0, total, 1.0)
    crowded = xp.exp(0.5 * (math.log(2.0 / math.pi) - xp.maximum(log_expected, 0.0)))
    reach = xp.minimum(1.0 / coverage - 1.0, 1.0)
    return sd * reach * xp.where(expected > 2048.0, crowded, summed)
