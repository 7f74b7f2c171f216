"""Chance that maximum likelihood is right, with ends that hold for every law and population."""

from __future__ import annotations

from typing import NamedTuple

from jaxtyping import Float

from verigap.theory.arrays import Array, xp
from verigap.theory.lattice_ends import likelihood_ends
from verigap.theory.lattices import LikelihoodLattice
from verigap.theory.laws import RewardLaw
from verigap.theory.risks.vf_mle import probability_correct

_LN2 = 0.6931471805599453
_ROUNDING = 1e-9


class ProbabilityEnds(NamedTuple):
    """Numbers in [0, 1] between which a probability lies.

    Attributes:
      low: at most the probability.
      high: at least the probability.
    """

    low: Float[Array, ""]
    high: Float[Array, ""]


def probability_correct_ends(
    law: RewardLaw,
    density_ratio: Float[Array, "prompts K"],
    data_budget: Float[Array, ""],
    log2_class_size: Float[Array, ""],
    cells: int = 1 << 16,
) -> ProbabilityEnds:
    """Ends of P(VF-MLE picks the true one of 2^d codewords), P_c of the bounds.

    On one prompt by `likelihood_ends`. In a population the chance is at most that of scores which
    mix the prompts into one law, as scores that share prompts have a smaller maximum, and at least
    P_expert(ln L >= t) - (2^d - 1) P_base(ln L >= t) for every t. Ends are 1e-9 further apart than
    computed, for rounding. Source: docs/theory.md, exact risks (beyond arXiv 2502.12118).

    Args:
      law: reward laws of the base, shape (prompts, K).
      density_ratio: of the expert to the base.
      data_budget: n, traces.
      log2_class_size: d, bits.
      cells: static number of lattice cells, even; more bring the ends closer.

    Example:
      >>> import numpy as np
      >>> from verigap.theory import RewardLaw, chi2_ball_expert
      >>> from verigap.theory.risks import probability_correct_ends
      >>> law = RewardLaw.equiprobable(np.asarray([[0.0, 8.0]]))
      >>> ratio = chi2_ball_expert(law, 0.25).density_ratio
      >>> ends = probability_correct_ends(law, ratio, np.asarray(8.0), np.asarray(2.0))
      >>> round(float(ends.low), 3), round(float(ends.high), 3)
      (0.687, 0.687)
    """
    prompts = law.probabilities.shape[0]
    mixed = RewardLaw(law.atoms.reshape(1, -1), law.probabilities.reshape(1, -1) / float(prompts))
    ends = likelihood_ends(mixed, density_ratio.reshape(1, -1), data_budget, log2_class_size, cells)
    high = probability_correct(ends.high, log2_class_size)
    if prompts == 1:
        low = probability_correct(ends.low, log2_class_size)
    else:
        low = _by_threshold(ends.low, log2_class_size)
    low = xp.maximum(low - _ROUNDING, xp.exp2(-log2_class_size))
    return ProbabilityEnds(xp.minimum(low, 1.0), xp.clip(high + _ROUNDING, low, 1.0))


def _by_threshold(
    lattice: LikelihoodLattice, log2_class_size: Float[Array, ""]
) -> Float[Array, ""]:
    """The truth alone reaches a threshold with at least this chance, at the best threshold."""
    reached = xp.flip(xp.cumsum(xp.flip(xp.exp(lattice.log_expert), -1)), -1)
    crowd = xp.exp(xp.minimum(log2_class_size * _LN2 + lattice.log_base_tail, 5.0))
    return xp.clip(xp.max(reached - crowd), 0.0, 1.0)
