"""Turn a reward law into K equally likely traces, the form the relabelling game is played in."""

from __future__ import annotations

from jaxtyping import Float

from verigap.theory.arrays import Array, xp
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
    upper = xp.clip(xp.cumsum(law.probabilities, axis=-1), 0.0, 1.0)[..., None, :]
    lower = xp.concatenate([xp.zeros_like(upper[..., :1]), upper[..., :-1]], axis=-1)
    edges = xp.arange(num_atoms + 1, dtype=upper.dtype) / num_atoms
    shape = (*law.probabilities.shape[:-1], num_atoms, 1)
    left = xp.broadcast_to(edges[:-1, None], shape)
    right = xp.broadcast_to(edges[1:, None], shape)
    share = xp.maximum(xp.minimum(upper, right) - xp.maximum(lower, left), 0.0)
    share = share / xp.sum(share, axis=-1, keepdims=True)
    atoms = xp.broadcast_to(law.atoms[..., None, :], share.shape)
    means = xp.sum(share * atoms, axis=-1)
    error = xp.mean(xp.sum(share * xp.abs(atoms - means[..., None]), axis=-1), axis=-1)
    return RewardLaw(means, xp.full_like(means, 1.0 / num_atoms)), error
