"""Models small enough to test, with parameters far from the initial ones."""

from __future__ import annotations

import jax
import numpy as np

from verigap.sim.models.config import TransformerConfig
from verigap.sim.models.transformer import Params, init

# Longer than a block of queries, so that its seam is crossed.
CONFIG = TransformerConfig(vocabulary=8, outputs=4, length=40, layers=2, width=8, heads=2)


def lively(config: TransformerConfig, seed: int = 0) -> Params:
    """Parameters of which no bias is zero and no scale is one."""
    leaves, tree = jax.tree.flatten(init(jax.random.key(seed), config))
    rng = np.random.default_rng(seed)
    noise = [0.3 * rng.normal(size=leaf.shape).astype(np.float32) for leaf in leaves]
    return jax.tree.unflatten(tree, [leaf + more for leaf, more in zip(leaves, noise, strict=True)])
