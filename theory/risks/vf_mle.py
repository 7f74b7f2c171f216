"""Exact risk of VF-MLE (log-loss cloning) in the relabelling game."""

from __future__ import annotations

import math

from jaxtyping import Float

from verigap.theory.arrays import Array, xp
from verigap.theory.lattices import LikelihoodLattice
from verigap.theory.risks.ties import log_minus_log1p_neg, log_tie_share

_LN2 = math.log(2.0)


def log_correct_given_cell(
    lattice: LikelihoodLattice, log2_class_size: Float[Array, ""]
) -> Float[Array, " cells"]:
    """ln P(maximum likelihood picks the true codeword | its ln L), ties broken uniformly.

    With t the base probability of doing strictly better and g that of a tie, it is
    [(1 - t)^M - (1 - t - g)^M] / (M g), M = 2^d.
    """
    none = xp.full_like(lattice.log_base_tail[:1], -xp.inf)
    better = xp.concatenate([lattice.log_base_tail[1:], none])
    better = better.astype(lattice.log_base.dtype)
    log_keep = -xp.exp(xp.minimum(log_minus_log1p_neg(better), 50.0))
    log_tie = xp.minimum(lattice.log_base - log_keep, 0.0)
    # (1 - t)^(M - 1): nobody among the other M - 1 does better.
    log_size = log2_class_size * _LN2
    log_others = log_size + xp.log1p(-xp.exp(-xp.maximum(log_size, 1e-6)))
    log_nobody = -xp.exp(xp.minimum(log_others + log_minus_log1p_neg(better), 80.0))
    log_nobody = xp.where(log_size > 0, log_nobody, 0.0)
    return log_nobody + log_tie_share(log_tie, log2_class_size)


def probability_correct(
    lattice: LikelihoodLattice, log2_class_size: Float[Array, ""]
) -> Float[Array, ""]:
    """P(VF-MLE picks the true one of 2^d codewords), in [0, 1].

    P(correct) = sum_a e^a [G(a)^M - G(a-)^M] / M over the values a of ln L, G its base cdf.
    Source: docs/theory.md, exact risks (beyond arXiv 2502.12118).

    Example:
      >>> import jax.numpy as jnp
      >>> from verigap.theory import RewardLaw, chi2_ball_expert
      >>> from verigap.theory.lattices import likelihood_lattice
      >>> from verigap.theory.risks import probability_correct
      >>> law = RewardLaw.equiprobable(jnp.asarray([[0.0, 8.0]]))
      >>> ratio = chi2_ball_expert(law, 0.25).density_ratio
      >>> lattice = likelihood_lattice(law, ratio, jnp.asarray([8.0]), 256)
      >>> round(float(probability_correct(lattice, jnp.asarray(2.0))), 2)
      0.69
    """
    log_correct = log_correct_given_cell(lattice, log2_class_size)
    return xp.clip(xp.sum(xp.exp(lattice.log_expert + log_correct)), 0.0, 1.0)


def vf_mle_risk(
    lattice: LikelihoodLattice, log2_class_size: Float[Array, ""], expert_gain: Float[Array, ""]
) -> Float[Array, ""]:
    """Risk (1 - P(correct)) (J_e - mean) of playing the chosen codeword's tilt, in tokens.

    A wrong codeword earns the base mean on a fresh prompt, hence the product.

    Args:
      lattice: law of the log-likelihood ratio under the demonstrations.
      log2_class_size: d.
      expert_gain: J_e - mean, averaged over prompts (tokens).

    Example:
      >>> import jax.numpy as jnp
      >>> from verigap.theory import RewardLaw, chi2_ball_expert
      >>> from verigap.theory.lattices import likelihood_lattice
      >>> from verigap.theory.risks import vf_mle_risk
      >>> law = RewardLaw.equiprobable(jnp.asarray([[0.0, 8.0]]))
      >>> ratio = chi2_ball_expert(law, 0.25).density_ratio
      >>> lattice = likelihood_lattice(law, ratio, jnp.asarray([8.0]), 256)
      >>> round(float(vf_mle_risk(lattice, jnp.asarray(2.0), jnp.asarray(2.0))), 1)
      0.6
    """
    return (1.0 - probability_correct(lattice, log2_class_size)) * expert_gain
