"""Models small enough to test, with parameters far from the initial ones."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from verigap.sim.models.config import TransformerConfig
from verigap.sim.models.transformer import Params, init

# Longer than a block of queries, so that its seam is crossed.
CONFIG = TransformerConfig(vocabulary=8, outputs=4, length=40, layers=2, width=8, heads=2)


def lively(config: TransformerConfig, seed: int = 0) -> Params:
    """Parameters of which no bias is zero and no scale is one."""
    leaves, tree = jax.tree.flatten(init(jax.random.key(seed), config))
    rng = np.random.default_rng(seed)
    # On the host, where no shape needs a program of its own.
    moved = [
        np.asarray(leaf) + 0.3 * rng.normal(size=leaf.shape).astype(np.float32) for leaf in leaves
    ]
    return jax.tree.unflatten(tree, [jnp.asarray(leaf) for leaf in moved])
