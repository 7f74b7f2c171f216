"""What training minimises: the cloner's next-token loss and the verifier's loss on prefixes."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from verigap.sim.models.config import TransformerConfig
from verigap.sim.models.sampling import log_probabilities
from verigap.sim.models.transformer import Params, apply


def _mean(
    values: Float[Array, "B H"], weights: Float[Array, " B"] | Float[Array, "B H"] | None
) -> Float[Array, ""]:
    if weights is None:
        return jnp.mean(values)
    if weights.ndim == 1:
        weights = jnp.broadcast_to(weights[:, None], values.shape)
    weights = weights.astype(values.dtype)
    return jnp.sum(weights * values) / jnp.sum(weights)


@partial(jax.jit, static_argnames="config")
def next_token_loss(
    params: Params,
    config: TransformerConfig,
    prompts: Int[Array, "B k"],
    traces: Int[Array, "B H"],
    weights: Float[Array, " B"] | Float[Array, "B H"] | None = None,
) -> Float[Array, ""]:
    """Mean of -ln p(token | prompt, tokens before) over trace tokens (nats).

    Args:
      params: of a model of this shape.
      config: the shape; `outputs` trace tokens.
      prompts: ids of the symbols, as the model reads them.
      traces: tokens in 0 .. outputs - 1.
      weights: of the traces or of their tokens, non-negative and not all zero; the mean is
        weighted by them.

    Example:
      >>> import jax, jax.numpy as jnp
      >>> from verigap.sim.models import TransformerConfig, init, next_token_loss
      >>> config = TransformerConfig(vocabulary=4, outputs=4, length=4, layers=1, width=8, heads=1)
      >>> params = init(jax.random.key(0), config)
      >>> prompts, traces = jnp.zeros((2, 1), jnp.int32), jnp.ones((2, 3), jnp.int32)
      >>> bool(next_token_loss(params, config, prompts, traces) > 0)
      True
    """
    return _mean(-log_probabilities(params, config, prompts, traces), weights)


def _prefix_logits(
    params: Params,
    config: TransformerConfig,
    prompts: Int[Array, "B k"],
    traces: Int[Array, "B H"],
) -> Float[Array, "B H"]:
    if config.outputs != 1:
        raise ValueError(f"outputs = {config.outputs}: a verifier has one")
    read = jnp.concatenate([prompts.astype(traces.dtype), traces], axis=1)
    return apply(params, config, read)[:, prompts.shape[1] :, 0]


@partial(jax.jit, static_argnames="config")
def prefix_loss(
    params: Params,
    config: TransformerConfig,
    prompts: Int[Array, "B k"],
    traces: Int[Array, "B H"],
    labels: Float[Array, "B H"],
    weights: Float[Array, " B"] | Float[Array, "B H"] | None = None,
) -> Float[Array, ""]:
    """Mean binary cross-entropy of the label of every prefix of a trace (nats).

    Args:
      params: of a verifier of this shape.
      config: the shape; `outputs` is 1 and `length` at least k + H.
      prompts: ids of the symbols, as the model reads them.
      traces: tokens.
      labels: in [0, 1], of the prefix that ends with each token.
      weights: as for `next_token_loss`.

    Raises:
      ValueError: the model is no verifier or has too few positions.

    Example:
      >>> import jax, jax.numpy as jnp
      >>> from verigap.sim.models import TransformerConfig, init, prefix_loss
      >>> config = TransformerConfig(vocabulary=4, outputs=1, length=4, layers=1, width=8, heads=1)
      >>> params = init(jax.random.key(0), config)
      >>> prompts, traces = jnp.zeros((2, 1), jnp.int32), jnp.ones((2, 3), jnp.int32)
      >>> bool(prefix_loss(params, config, prompts, traces, jnp.ones((2, 3))) > 0)
      True
    """
    logits = _prefix_logits(params, config, prompts, traces)
    labels = labels.astype(logits.dtype)
    # -y ln s(z) - (1 - y) ln s(-z), where ln s(-z) = ln s(z) - z.
    return _mean((1.0 - labels) * logits - jax.nn.log_sigmoid(logits), weights)


@partial(jax.jit, static_argnames="config")
def predict_prefixes(
    params: Params,
    config: TransformerConfig,
    prompts: Int[Array, "B k"],
    traces: Int[Array, "B H"],
) -> Float[Array, "B H"]:
    """Probability that a verifier gives to the label of every prefix of a trace.

    Raises:
      ValueError: the model is no verifier or has too few positions.
    """
    return jax.nn.sigmoid(_prefix_logits(params, config, prompts, traces))
