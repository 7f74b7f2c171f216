"""A bound, its gradient, and its values over a grid: bounds are functions of a `Setting`."""

from dataclasses import replace

import jax
import jax.numpy as jnp

jax.config.update("jax_enable_x64", True)

import verigap as vg  # noqa: E402

# On one prompt the base earns 0 or all of 64 tokens, with equal odds.
law = vg.theory.RewardLaw.equiprobable(jnp.asarray([[0.0, 64.0]]))
setting = vg.theory.Setting.from_law(
    law, horizon=64.0, data_budget=64.0, log2_class_size=12.0, chi2_radius=1.0
)
bound = vg.theory.BOUNDS["VF-UPPER"]


def value(data_budget: jax.Array) -> jax.Array:
    """The bound with another number of traces."""
    return bound.value(replace(setting, data_budget=data_budget))


at, slope = jax.value_and_grad(value)(jnp.asarray(64.0))
grid = jnp.asarray([64.0, 256.0, 1024.0])
over_grid = jax.jit(jax.vmap(value))(grid)

print(f"{bound.name}: {at:.3f} tokens at n = 64, {slope:.4f} for one trace more")
for data_budget, each in zip(grid, over_grid, strict=True):
    print(f"  n = {data_budget:4.0f}: {each:.3f}")
