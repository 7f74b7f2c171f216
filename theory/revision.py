"""Parallel samples against sequential revision, with an exact check of every attempt.

A chain of L attempts begins with an approach that is good with probability g. In a good approach
the first attempt is right with probability h, and each revision of a wrong attempt with
probability q; in another approach none is. So revision helps where q > h, and new chains help where
the approach may be wrong. Source: the two ways to spend samples of Snell et al., arXiv 2408.03314,
section 6; the model of a chain is ours.
"""

from __future__ import annotations

from typing import NamedTuple

from jaxtyping import Float

from verigap.theory.arrays import Array, xp


class Revision(NamedTuple):
    """What attempts on each prompt do.

    Attributes:
      approach: g in [0, 1], probability that a chain's approach can be right.
      first: h in [0, 1], that its first attempt is right then.
      revised: q in [0, 1], that a revision of a wrong attempt is right then.
    """

    approach: Float[Array, "*prompts"]
    first: Float[Array, "*prompts"]
    revised: Float[Array, "*prompts"]


def chains_success(
    revision: Revision,
    chains: Float[Array, "*#prompts"] | float,
    length: Float[Array, "*#prompts"] | float,
) -> Float[Array, "*prompts"]:
    """P(a right attempt among W chains of L): 1 - (1 - g + g (1-h) (1-q)^(L-1))^W.

    Args:
      revision: of the prompts.
      chains: W, at least 1.
      length: L attempts of each chain, at least 1; all cost W L attempts.

    Example:
      >>> import numpy as np
      >>> from verigap.theory.revision import Revision, chains_success
      >>> easy, hard = (Revision(*map(np.float64, (g, 0.2, 0.4))) for g in (1.0, 0.1))
      >>> ways = [(8, 1), (4, 2), (1, 8)]
      >>> [round(float(chains_success(easy, *way)), 3) for way in ways]
      [0.832, 0.947, 0.978]
      >>> [round(float(chains_success(hard, *way)), 3) for way in ways]
      [0.149, 0.192, 0.098]
    """
    failed = (1.0 - revision.first) * (1.0 - revision.revised) ** (length - 1.0)
    return 1.0 - xp.power(1.0 - revision.approach * (1.0 - failed), chains)
