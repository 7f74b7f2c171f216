"""The best policy over a pool within a chi-square leash: Lemma 3 for the law of the pool."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float

from verigap.theory import RewardLaw, chi2_ball_expert
from verigap.theory.arrays import host_array


def base_law(mask: Bool[np.ndarray, "P K"]) -> Float[np.ndarray, "P K"]:
    """The law that draws every sample of a pool equally often."""
    return mask / np.sum(mask, axis=1, keepdims=True)


def chi2_tilt(
    rewards: Float[np.ndarray, "*runs P K"], mask: Bool[np.ndarray, "P K"], chi2_radius: float
) -> Float[np.ndarray, "*runs P K"]:
    """The policy of the largest mean reward in the chi-square ball around the base.

    Args:
      rewards: of each sample, in any unit.
      mask: whether there is a sample.
      chi2_radius: kappa, at least 0.

    Returns:
      Probabilities of the samples of each prompt; equal rewards have equal ones.

    Example:
      >>> import numpy as np
      >>> from verigap.llm_validation.pools.experts import chi2_tilt
      >>> chi2_tilt(np.array([[0.0, 8.0]]), np.ones((1, 2), bool), 0.25).tolist()
      [[0.25, 0.75]]
    """
    lowest = np.where(mask, rewards, np.inf).min(axis=-1, keepdims=True)
    # The padding comes first, without mass.
    above = np.where(mask, rewards - lowest, -1.0)
    order = np.argsort(above, axis=-1)
    mass = np.take_along_axis(np.broadcast_to(base_law(mask), order.shape), order, axis=-1)
    law = RewardLaw(host_array(np.take_along_axis(above, order, axis=-1)), host_array(mass))
    policy = np.empty(order.shape)
    found = np.asarray(chi2_ball_expert(law, chi2_radius).density_ratio)
    np.put_along_axis(policy, order, found * mass, axis=-1)
    return policy
