"""The two-level game of the closed-form numbers."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from verigap.theory.arrays import host_array
from verigap.theory.bounds import Setting
from verigap.theory.families import two_level

Number = Float[Array, ""]


def half_horizon_game(
    horizon: Number, data_budget: Number, log2_class_size: Number, radius: Number | None
) -> Setting:
    """Returns 0 and H, so sigma = H/2; the ball kappa = 1, whose best expert is always right.

    Without a radius the demonstrations are the hardest expert's.
    """
    half = 0.5 * jnp.asarray(horizon)[None]
    return Setting.from_law(
        two_level(half, half),
        horizon=horizon,
        data_budget=data_budget,
        log2_class_size=log2_class_size,
        chi2_radius=1.0,
        expert_radius=radius,
    )


def half_horizon_game_on_host(
    horizon: float, data_budget: float, log2_class_size: float, radius: float | None
) -> Setting:
    """The same in NumPy, where nothing is compiled."""
    return Setting.from_law(
        two_level(host_array([0.5 * horizon]), host_array([0.5 * horizon])),
        horizon=horizon,
        data_budget=data_budget,
        log2_class_size=log2_class_size,
        chi2_radius=1.0,
        expert_radius=radius,
    )
