"""Divergences between finite laws on one support (probabilities along the last axis; in nats).

Each is +inf (or its maximum) where the first law charges a point that the second does not.
"""

from __future__ import annotations

from jaxtyping import Float

from verigap.theory.arrays import Array, rel_entr, xp


def chi2_divergence(
    first: Float[Array, "*batch K"], second: Float[Array, "*batch K"]
) -> Float[Array, "*batch"]:
    """E_second[(first/second)^2] - 1, in [0, inf], computed as E_second[(first/second - 1)^2]."""
    charged = second > 0
    ratio = xp.where(charged, first, 0.0) / xp.where(charged, second, 1.0)
    value = xp.sum(xp.where(charged, second * (ratio - 1.0) ** 2, 0.0), axis=-1)
    return xp.where(xp.any(~charged & (first > 0), axis=-1), xp.inf, value)


def kl_divergence(
    first: Float[Array, "*batch K"], second: Float[Array, "*batch K"]
) -> Float[Array, "*batch"]:
    """E_first[ln(first/second)] in nats, in [0, inf]."""
    return xp.sum(rel_entr(first, second), axis=-1)


def squared_hellinger(
    first: Float[Array, "*batch K"], second: Float[Array, "*batch K"]
) -> Float[Array, "*batch"]:
    """Half the sum of (sqrt(first) - sqrt(second))^2, in [0, 1]."""
    return 0.5 * xp.sum((xp.sqrt(first) - xp.sqrt(second)) ** 2, axis=-1)


def total_variation(
    first: Float[Array, "*batch K"], second: Float[Array, "*batch K"]
) -> Float[Array, "*batch"]:
    """Half the sum of |first - second|, in [0, 1]."""
    return 0.5 * xp.sum(xp.abs(first - second), axis=-1)
