"""The leashes that the arms of training are compared on."""

from __future__ import annotations

import math

from verigap.llm_validation.pools.leashes import Leash

USUAL = Leash("kl", math.log1p(1.0))
"""The leash of the training decision by default: ln 2 nats, which hold the chi-square ball of 1."""


def usual_leashes(leash: Leash) -> tuple[Leash, ...]:
    """A leash, a quarter and four times of its radius, and the one that it meets in the other kind.

    Example:
      >>> from verigap.llm_validation.deciding.leashes import USUAL, usual_leashes
      >>> [str(leash) for leash in usual_leashes(USUAL)]
      ['KL 0.693 nats', 'KL 0.173 nats', 'KL 2.77 nats', 'chi-square 1']
    """
    return (leash, leash.times(0.25), leash.times(4.0), leash.other)
