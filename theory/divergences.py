"""Divergences between finite laws on one support (probabilities along the last axis; in nats).

Each is +inf (or its maximum) where the first law charges a point that the second does not.
"""

from __future__ import annotations

import jax.numpy as jnp
from jax.scipy.special import rel_entr
from jaxtyping import Array, Float


def chi2_divergence(
    first: Float[Array, "*batch K"], second: Float[Array, "*batch K"]
) -> Float[Array, "*batch"]:
    """E_second[(first/second)^2] - 1, in [0, inf], computed as E_second[(first/second - 1)^2]."""
    charged = second > 0
    ratio = jnp.where(charged, first, 0.0) / jnp.where(charged, second, 1.0)
    value = jnp.sum(jnp.where(charged, second * (ratio - 1.0) ** 2, 0.0), axis=-1)
    return jnp.where(jnp.any(~charged & (first > 0), axis=-1), jnp.inf, value)


def kl_divergence(
    first: Float[Array, "*batch K"], second: Float[Array, "*batch K"]
) -> Float[Array, "*batch"]:
    """E_first[ln(first/second)] in nats, in [0, inf]."""
    return jnp.sum(rel_entr(first, second), axis=-1)


def squared_hellinger(
    first: Float[Array, "*batch K"], second: Float[Array, "*batch K"]
) -> Float[Array, "*batch"]:
    """Half the sum of (sqrt(first) - sqrt(second))^2, in [0, 1]."""
    return 0.5 * jnp.sum((jnp.sqrt(first) - jnp.sqrt(second)) ** 2, axis=-1)


def total_variation(
    first: Float[Array, "*batch K"], second: Float[Array, "*batch K"]
) -> Float[Array, "*batch"]:
    """Half the sum of |first - second|, in [0, 1]."""
    return 0.5 * jnp.sum(jnp.abs(first - second), axis=-1)
