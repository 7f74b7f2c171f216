"""Floating-point operations that a transformer needs, as formulas.

A multiplication with its addition counts as two. Products with matrices and attention are counted,
attention over the positions that are visible only; normalisation, activations, embeddings (a
look-up) and the drawing of tokens are not. For width w, expansion e, o outputs and l layers, a
token with t visible positions costs l ((8 + 4 e) w^2 + 4 w t) + 2 w o.
"""

from __future__ import annotations

from verigap.sim.models.config import TransformerConfig


def dense_flops_per_token(config: TransformerConfig) -> int:
    """Of the products with matrices alone: l (8 + 4 e) w^2 + 2 w o."""
    block = (8 + 4 * config.expansion) * config.width**2
    return config.layers * block + 2 * config.width * config.outputs


def attention_flops(config: TransformerConfig, length: int) -> int:
    """Of causal attention over a whole sequence: 2 l w L (L + 1)."""
    return 2 * config.layers * config.width * length * (length + 1)


def forward_flops(config: TransformerConfig, length: int) -> int:
    """Of one pass over a sequence of L tokens."""
    return length * dense_flops_per_token(config) + attention_flops(config, length)


def forward_flops_per_token(config: TransformerConfig, length: int) -> float:
    """Of one pass over a sequence of L tokens, divided by L."""
    return forward_flops(config, length) / length


def training_flops(config: TransformerConfig, length: int, sequences: int) -> int:
    """Of training on some sequences of L tokens once: the backward pass costs two forward ones."""
    return 3 * sequences * forward_flops(config, length)


def sampling_flops(config: TransformerConfig, prompt: int, horizon: int, traces: int = 1) -> int:
    """Of drawing traces of H tokens after a prompt of k symbols with cached keys and values.

    Every one of the k + H - 1 positions is passed once, and outputs are read at H of them.
    """
    unread = (prompt - 1) * 2 * config.width * config.outputs
    return traces * (forward_flops(config, prompt + horizon - 1) - unread)
