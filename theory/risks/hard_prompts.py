"""Exact risks on the VB-LOWER instance: rare prompts, each hiding one bit about its reward."""

from __future__ import annotations

import jax.numpy as jnp
from jaxtyping import Array, Float


def hard_prompt_mass(data_budget: Float[Array, ""], coverage: Float[Array, ""]) -> Float[Array, ""]:
    """Probability a = 1/(2c(n+1)) of one hard prompt, the hardest for verification."""
    return 0.5 / (coverage * (data_budget + 1.0))


def hard_prompts_vb_risk(
    horizon: Float[Array, ""],
    data_budget: Float[Array, ""],
    log2_class_size: Float[Array, ""],
    coverage: Float[Array, ""],
    prompt_mass: Float[Array, ""],
) -> Float[Array, ""]:
    """Bayes risk d a (H/2)(1 - 2ca)^n of any verifier-based learner (tokens).

    A labelled base trace tells a prompt's bit only if it lands on that prompt (mass a) and in one
    of its two trace sets (base mass c each).
    """
    silent = jnp.exp(data_budget * jnp.log1p(-2.0 * coverage * prompt_mass))
    return log2_class_size * prompt_mass * 0.5 * horizon * silent


def hard_prompts_vf_risk(
    horizon: Float[Array, ""],
    data_budget: Float[Array, ""],
    log2_class_size: Float[Array, ""],
    prompt_mass: Float[Array, ""],
) -> Float[Array, ""]:
    """Risk d a (H/2)(1 - a)^n of cloning: one demonstration of a prompt gives its bit away."""
    unseen = jnp.exp(data_budget * jnp.log1p(-prompt_mass))
    return log2_class_size * prompt_mass * 0.5 * horizon * unseen
