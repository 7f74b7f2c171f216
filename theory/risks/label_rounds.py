"""A second round of labels, drawn by the policy that the first round taught: does it pay?

In the relabelling game the plug-in learner trusts one codeword that fits its labels. Here it then
draws traces by that codeword's policy, has them labelled too, and trusts a codeword that fits all
labels. Exact on finite laws, by tilting the law of the labels. Source:
docs/theory.md#labels-drawn-on-policy (beyond arXiv 2502.12118; the question is that of
arXiv 2602.01523).
"""

from __future__ import annotations

from math import comb
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from verigap.theory.arrays import Array, host_array, xlogy
from verigap.theory.binomial import binomial_log_pmf
from verigap.theory.laws import RewardLaw
from verigap.theory.multinomial import Multinomial, multinomial

MOST_CODEWORDS = 1 << 16
"""Codewords at most: the number of those that survive the first round is summed over."""
MOST_TYPES = 1 << 14
"""Types of the labels of a round at most, which are summed over too."""

_SMALL = 1e-4


class LabelInformation(NamedTuple):
    """Nats by which a label makes a wrong codeword less likely, on average.

    Attributes:
      base: of a base trace: the Shannon entropy of the return law, -sum P ln P.
      on_policy: of a trace of the true codeword's policy: -sum P w ln P.
    """

    base: float
    on_policy: float


def _levels(
    law: RewardLaw, density_ratio: Float[Array, "prompts K"]
) -> tuple[Float[np.ndarray, " m"], Float[np.ndarray, " m"]]:
    """Base and policy probabilities of the distinct returns of the one prompt."""
    if np.shape(law.probabilities)[:-1] != (1,):
        raise ValueError("reward law: rounds of labels are computed on one prompt")
    mass, ratio = np.asarray(law.probabilities)[0], np.asarray(density_ratio)[0]
    _, level = np.unique(np.asarray(law.atoms)[0], return_inverse=True)
    base, tilted = np.bincount(level, mass), np.bincount(level, mass * ratio)
    return base[base > 0], tilted[base > 0]


def label_information(law: RewardLaw, density_ratio: Float[Array, "prompts K"]) -> LabelInformation:
    """What a label says, on a base trace and on a trace of the true codeword's policy (nats).

    Once the policy is that of the true codeword, its traces say more than those of the base if it
    moves mass towards returns that are rarer than exp(-entropy): for returns 0 and H of success p
    and the policy that always succeeds, if ln(1/p) exceeds the entropy, that is if p < 1/2.

    Args:
      law: of the base, on one prompt.
      density_ratio: of the policy.

    Example:
      >>> import numpy as np
      >>> from verigap.theory import RewardLaw, greedy_policy
      >>> from verigap.theory.risks import label_information
      >>> law = RewardLaw(np.asarray([0.0, 8.0]), np.asarray([[0.875, 0.125]]))
      >>> found = label_information(law, greedy_policy(law))
      >>> round(found.base, 3), round(found.on_policy, 3)
      (0.377, 2.079)
    """
    base, tilted = _levels(law, density_ratio)
    return LabelInformation(float(-base @ np.log(base)), float(-tilted @ np.log(base)))


def two_round_share(
    law: RewardLaw,
    density_ratio: Float[Array, "prompts K"],
    first_budget: int,
    second_budget: int,
    log2_class_size: float,
    *,
    on_policy: bool = True,
) -> float:
    """P(the plug-in learner trusts the true codeword after two rounds of labels).

    Its risk is that of `plug_in_risk` with this for E[1/(S + 1)]: expert gain less the share times
    the policy's gain.

    Args:
      law: of the base, on one prompt.
      density_ratio: of the policy that the trusted codeword plays in the second round.
      first_budget: labelled base traces, at least 0.
      second_budget: labelled traces of the second round, at least 0.
      log2_class_size: d, with 2^d a whole number of at most `MOST_CODEWORDS`.
      on_policy: whether the second round is drawn by the policy of the codeword that is trusted
        after the first one; else by the base.

    Raises:
      ValueError: several prompts, or more codewords or types of labels than are summed over.

    Example:
      >>> import numpy as np
      >>> from verigap.theory import RewardLaw, greedy_policy
      >>> from verigap.theory.risks import two_round_share
      >>> law = RewardLaw(np.asarray([0.0, 8.0]), np.asarray([[0.875, 0.125]]))
      >>> shares = [
      ...     two_round_share(law, greedy_policy(law), 16, 16, 8.0, on_policy=fresh)
      ...     for fresh in (False, True)
      ... ]
      >>> [round(share, 3) for share in shares]
      [0.97, 0.976]
    """
    base, tilted = _levels(law, density_ratio)
    size = round(2.0**log2_class_size)
    if not 1 <= size <= MOST_CODEWORDS:
        raise ValueError(
            f"log2_class_size: {size} codewords; a second round is summed over at most "
            f"{MOST_CODEWORDS}"
        )
    wrong = np.arange(float(size))
    share = _share_after(wrong, base, tilted if on_policy else base, second_budget, on_policy)
    total = 0.0
    for counts, chance in zip(*_label_types(base, first_budget), strict=True):
        fits = np.exp(counts @ np.log(base))
        survivors = np.exp(
            binomial_log_pmf(host_array(wrong), host_array(size - 1.0), host_array(fits))
        )
        total += float(chance) * float(survivors @ share)
    return total


def _label_types(probabilities: Float[np.ndarray, " m"], draws: int) -> Multinomial:
    """How often each level may occur in so many draws, and the chance of it."""
    levels = len(probabilities)
    if comb(draws + levels - 1, levels - 1) > MOST_TYPES:
        raise ValueError(
            f"data_budget: {draws} labels of {levels} different returns have more types than the "
            f"{MOST_TYPES} that are summed over"
        )
    return multinomial(probabilities, draws)


def _share_after(
    wrong: Float[np.ndarray, " S"],
    base: Float[np.ndarray, " m"],
    tilted: Float[np.ndarray, " m"],
    draws: int,
    on_policy: bool,
) -> Float[np.ndarray, " S"]:
    """P(the truth is trusted at last | so many wrong codewords survived the first round)."""
    picked_right = np.zeros_like(wrong)
    # The true codeword's policy: its labels are tilted, the others agree as they would by chance.
    for counts, chance in zip(*_label_types(tilted, draws), strict=True):
        picked_right += chance * _one_of(wrong, np.exp(counts @ np.log(base)))
    if not on_policy:
        return picked_right
    # A wrong codeword's policy: labels as of the base, but what it claims is tilted.
    picked_wrong = np.zeros_like(wrong)
    others = np.maximum(wrong - 1.0, 0.0)
    for counts, chance in zip(*_label_types(base, draws), strict=True):
        fits = np.exp(counts @ np.log(base))
        kept = np.exp(np.sum(xlogy(host_array(counts), host_array(tilted))))
        with_it, without = _one_of_two(others, fits), _one_of(others, fits)
        picked_wrong += chance * (kept * with_it + (1.0 - kept) * without)
    return (picked_right + wrong * picked_wrong) / (wrong + 1.0)


def _one_of(others: Float[np.ndarray, " S"], fits: float) -> Float[np.ndarray, " S"]:
    """E[1/(X + 1)] for X ~ Binomial(others, fits)."""
    mean = (others + 1.0) * fits
    if fits >= 1.0 or mean[-1] == 0.0:
        return 1.0 / (1.0 + others * fits)
    return -np.expm1((others + 1.0) * np.log1p(-fits)) / mean


def _one_of_two(others: Float[np.ndarray, " S"], fits: float) -> Float[np.ndarray, " S"]:
    """E[1/(X + 2)] for X ~ Binomial(others, fits)."""
    mean = (others + 1.0) * fits
    # (m + 1) q E[1/(X + 2)] = 1 - E[1/(X' + 1)] with X' of one trial more.
    exact = (1.0 - _one_of(others + 1.0, fits)) / np.where(mean > _SMALL, mean, 1.0)
    none, left = (1.0 - fits) ** others, 1.0 - min(fits, 0.5)
    one = others * fits / left
    two = one * (others - 1.0) * fits / (2.0 * left)
    return np.where(mean > _SMALL, exact, none * (1 / 2 + one / 3 + two / 4))
