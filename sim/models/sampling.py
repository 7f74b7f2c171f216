"""Traces drawn from a model, one token at a time, and their log-probabilities.

A model reads a prompt of k symbols and then the trace: its outputs at position k - 2 + h (counted
from zero) are the logits of trace token h = 1 .. H. Row i of a call with `offset` is drawn with the
key `fold_in(key, offset + i)`, so a trace does not depend on the batch that it is drawn in, up to
the rounding of its logits.
"""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Int, PRNGKeyArray

from verigap.sim.models.config import TransformerConfig
from verigap.sim.models.transformer import LayerCache, Params, bind


def _uniforms(
    key: PRNGKeyArray, rows: int, horizon: int, offset: Int[Array, ""] | int
) -> Float[Array, "H B"]:
    index = jnp.arange(rows, dtype=jnp.int32) + jnp.asarray(offset, jnp.int32)
    keys = jax.vmap(jax.random.fold_in, in_axes=(None, 0))(key, index)
    draw = jax.vmap(lambda k: jax.random.uniform(k, (horizon,), jnp.float32))
    return jnp.transpose(draw(keys))


def _draw(
    uniform: Float[Array, " B"], logits: Float[Array, "B outputs"]
) -> tuple[Int[Array, " B"], Float[Array, " B"]]:
    """One token a row by inversion, with its log-probability."""
    log_law = jax.nn.log_softmax(logits, axis=-1)
    cumulative = jnp.cumsum(jnp.exp(log_law), axis=-1)
    level = uniform[:, None] * cumulative[:, -1:]
    below = jnp.broadcast_to(level, cumulative.shape) >= cumulative
    token = jnp.sum(below[:, :-1], axis=-1, dtype=jnp.int32)
    return token, _log_probability(log_law, token)


def _log_probability(
    log_law: Float[Array, "*batch outputs"], tokens: Int[Array, "*batch"]
) -> Float[Array, "*batch"]:
    return jnp.take_along_axis(log_law, tokens[..., None], axis=-1)[..., 0]


def _check_fits(config: TransformerConfig, prompt: int, read: int) -> None:
    if prompt < 1:
        raise ValueError("a prompt needs at least one symbol")
    if prompt + read > config.length:
        raise ValueError(
            f"{prompt} symbols and {read} tokens to read: the model has {config.length} positions"
        )


def _extend(cache: LayerCache, positions: int) -> LayerCache:
    more = positions - cache.keys.shape[2]
    return LayerCache(*(jnp.pad(part, ((0, 0), (0, 0), (0, more), (0, 0))) for part in cache))


@partial(jax.jit, static_argnames=("config", "horizon"))
def sample(
    key: PRNGKeyArray,
    params: Params,
    config: TransformerConfig,
    prompts: Int[Array, "B k"],
    horizon: int,
    offset: Int[Array, ""] | int = 0,
) -> tuple[Int[Array, "B H"], Float[Array, "B H"]]:
    """Draw one trace a prompt, remembering keys and values instead of computing them again.

    Args:
      key: random stream of the whole data set.
      params: of a model of this shape.
      config: the shape; `length` at least k + H - 1.
      prompts: ids of the symbols, as the model reads them.
      horizon: H, tokens.
      offset: number of the first row.

    Returns:
      Tokens in 0 .. outputs - 1, int32, and the log-probability of each given those before (nats).

    Raises:
      ValueError: the model has too few positions, or the prompts are empty.

    Example:
      >>> import jax, jax.numpy as jnp
      >>> from verigap.sim.models import TransformerConfig, init, sample
      >>> config = TransformerConfig(vocabulary=4, outputs=4, length=4, layers=1, width=8, heads=1)
      >>> params = init(jax.random.key(0), config)
      >>> tokens, logarithms = sample(
      ...     jax.random.key(1), params, config, jnp.zeros((2, 1), jnp.int32), 3
      ... )
      >>> tokens.shape, logarithms.shape
      ((2, 3), (2, 3))
    """
    batch, symbols = prompts.shape
    _check_fits(config, symbols, horizon - 1)
    model = bind(params, config)
    hidden, caches = model.hidden(prompts)
    uniforms = _uniforms(key, batch, horizon, offset)
    first = _draw(uniforms[0], model.read_out(hidden[:, -1:])[:, 0])

    def step(carry, inputs):
        token, caches = carry
        position, uniform = inputs
        logits, caches = model.step(token, caches, position)
        token, logarithm = _draw(uniform, logits)
        return (token, caches), (token, logarithm)

    caches = [_extend(cache, symbols + horizon - 1) for cache in caches]
    positions = symbols + jnp.arange(horizon - 1, dtype=jnp.int32)
    _, rest = lax.scan(step, (first[0], caches), (positions, uniforms[1:]))
    tokens, logarithms = (
        jnp.concatenate([head[None], tail]).T for head, tail in zip(first, rest, strict=True)
    )
    return tokens, logarithms


@partial(jax.jit, static_argnames=("config", "horizon"))
def sample_uncached(
    key: PRNGKeyArray,
    params: Params,
    config: TransformerConfig,
    prompts: Int[Array, "B k"],
    horizon: int,
    offset: Int[Array, ""] | int = 0,
) -> tuple[Int[Array, "B H"], Float[Array, "B H"]]:
    """The same traces as `sample`, every token from a pass over all before it: the slow oracle."""
    batch, symbols = prompts.shape
    _check_fits(config, symbols, horizon - 1)
    model = bind(params, config)
    uniforms = _uniforms(key, batch, horizon, offset)

    def step(row, inputs):
        h, uniform = inputs
        hidden, _ = model.hidden(row)
        last = lax.dynamic_slice_in_dim(hidden, symbols - 1 + h, 1, axis=1)
        token, logarithm = _draw(uniform, model.read_out(last)[:, 0])
        row = lax.dynamic_update_slice_in_dim(
            row, token[:, None].astype(row.dtype), symbols + h, axis=1
        )
        return row, (token, logarithm)

    # The row grows by blocks, so that most passes read little more than what there is.
    block, row, parts = 16, prompts, []
    for start in range(0, horizon, block):
        stop = min(start + block, horizon)
        row = jnp.pad(row, ((0, 0), (0, symbols + stop - row.shape[1])))
        row, part = lax.scan(
            step, row, (jnp.arange(start, stop, dtype=jnp.int32), uniforms[start:stop])
        )
        parts.append(part)
    tokens, logarithms = (jnp.concatenate(part).T for part in zip(*parts, strict=True))
    return tokens, logarithms


@partial(jax.jit, static_argnames="config")
def log_probabilities(
    params: Params,
    config: TransformerConfig,
    prompts: Int[Array, "B k"],
    traces: Int[Array, "B H"],
) -> Float[Array, "B H"]:
    """Log-probability of every trace token given the prompt and the tokens before it (nats).

    Raises:
      ValueError: the model has too few positions, or the prompts are empty.

    Example:
      >>> import jax, jax.numpy as jnp
      >>> from verigap.sim.models import TransformerConfig, init, log_probabilities
      >>> config = TransformerConfig(vocabulary=4, outputs=4, length=4, layers=1, width=8, heads=1)
      >>> params = init(jax.random.key(0), config)
      >>> prompts, traces = jnp.zeros((2, 1), jnp.int32), jnp.ones((2, 3), jnp.int32)
      >>> log_probabilities(params, config, prompts, traces).shape
      (2, 3)
    """
    symbols = prompts.shape[1]
    _check_fits(config, symbols, traces.shape[1] - 1)
    model = bind(params, config)
    read = jnp.concatenate([prompts.astype(traces.dtype), traces[:, :-1]], axis=1)
    hidden, _ = model.hidden(read)
    logits = model.read_out(hidden[:, symbols - 1 :])
    return _log_probability(jax.nn.log_softmax(logits, axis=-1), traces)


def sample_many(
    key: PRNGKeyArray,
    params: Params,
    config: TransformerConfig,
    prompts: Int[np.ndarray, "B k"] | Int[Array, "B k"],
    horizon: int,
    *,
    chunk: int = 256,
    offset: int = 0,
) -> tuple[Int[np.ndarray, "B H"], Float[np.ndarray, "B H"]]:
    """Traces of many prompts on the host, drawn a chunk of rows at a time.

    Args:
      key: random stream of the whole data set.
      params: of a model of this shape.
      config: the shape.
      prompts: ids of the symbols; B at least 1.
      horizon: H, tokens.
      chunk: rows drawn together; one program is compiled for it, and the last chunk is filled up.
      offset: number of the first row.

    Returns:
      What `sample` returns for all rows at once.
    """
    rows = np.asarray(prompts)
    chunk = min(chunk, len(rows))
    tokens, logarithms = [], []
    for start in range(0, len(rows), chunk):
        part = rows[start : start + chunk]
        filled = np.pad(part, ((0, chunk - len(part)), (0, 0)), mode="edge")
        drawn = sample(key, params, config, jnp.asarray(filled), horizon, offset + start)
        tokens.append(np.asarray(drawn[0])[: len(part)])
        logarithms.append(np.asarray(drawn[1])[: len(part)])
    return np.concatenate(tokens), np.concatenate(logarithms)
