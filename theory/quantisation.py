"""Turn a reward law into K equally likely traces, the form the relabelling game is played in."""

from __future__ import annotations

import jax.numpy as jnp
from jaxtyping import Array, Float

from verigap.theory.laws import RewardLaw


def equiprobable_atoms(
    law: RewardLaw, num_atoms: int
) -> tuple[RewardLaw, Float[Array, "*prompts"]]:
    """Replace a law by the means of its K consecutive slices of probability 1/K.

    The mean return stays the same, and the spread can only shrink. An atom that straddles a
    boundary is split between the slices.

    Args:
      law: reward laws, in tokens, of shape (*prompts, atoms).
      num_atoms: K, at least 1.

    Returns:
      The equiprobable law, of shape (*prompts, K), and per prompt the Wasserstein-1 distance to the
      original law, in tokens.

    Raises:
      ValueError: num_atoms is below 1.

    Example:
      >>> import jax.numpy as jnp
      >>> from verigap.theory import RewardLaw, equiprobable_atoms
      >>> law = RewardLaw.equiprobable(jnp.asarray([0.0, 2.0, 4.0, 6.0]))
      >>> coarse, distance = equiprobable_atoms(law, 2)
      >>> coarse.support.tolist(), float(distance)
      ([1.0, 5.0], 1.0)
    """
    if num_atoms < 1:
        raise ValueError(f"num_atoms must be at least 1, not {num_atoms}")
    upper = jnp.clip(jnp.cumsum(law.probabilities, axis=-1), 0.0, 1.0)[..., None, :]
    lower = jnp.concatenate([jnp.zeros_like(upper[..., :1]), upper[..., :-1]], axis=-1)
    edges = jnp.arange(num_atoms + 1, dtype=upper.dtype) / num_atoms
    shape = (*law.probabilities.shape[:-1], num_atoms, 1)
    left = jnp.broadcast_to(edges[:-1, None], shape)
    right = jnp.broadcast_to(edges[1:, None], shape)
    share = jnp.maximum(jnp.minimum(upper, right) - jnp.maximum(lower, left), 0.0)
    share = share / jnp.sum(share, axis=-1, keepdims=True)
    atoms = jnp.broadcast_to(law.atoms[..., None, :], share.shape)
    means = jnp.sum(share * atoms, axis=-1)
    error = jnp.mean(jnp.sum(share * jnp.abs(atoms - means[..., None]), axis=-1), axis=-1)
    return RewardLaw(means, jnp.full_like(means, 1.0 / num_atoms)), error
