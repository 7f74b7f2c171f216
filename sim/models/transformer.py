"""A decoder-only transformer as a pure function of its parameters.

Flax describes the layers; `apply` merges them with the parameters while it is traced, so that
nothing of Flax is left in the compiled program. Pre-normalised blocks, GELU, learned positions.
Parameters and activations are float32, whatever JAX's default is.
"""

from __future__ import annotations

import math
from functools import lru_cache, partial
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
from flax import nnx
from jax import lax
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from verigap.sim.models.config import TransformerConfig

Params: TypeAlias = dict[Any, Any]
"""Nested dictionary of float32 arrays."""

_DTYPE = jnp.float32
_EMBEDDING_SCALE = 0.02
_QUERY_BLOCK = 32


class LayerCache(NamedTuple):
    """What later positions attend to in one layer.

    Attributes:
      keys: shape (batch, heads, positions, width / heads).
      values: the same shape.
    """

    keys: Float[Array, "batch heads positions depth"]
    values: Float[Array, "batch heads positions depth"]


class _Linear(nnx.Linear):
    """A linear map of the last axis.

    The other axes are made one before: the gradient of the kernel sums over them, and XLA on a CPU
    takes twice as long for a sum over two axes.
    """

    def __call__(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, inputs: Float[Array, "*batch inputs"]
    ) -> Float[Array, "*batch outputs"]:
        rows = super().__call__(inputs.reshape(-1, inputs.shape[-1]))
        return rows.reshape(*inputs.shape[:-1], rows.shape[-1])


def _linear(inputs: int, outputs: int, rngs: nnx.Rngs, **more: Any) -> _Linear:
    return _Linear(inputs, outputs, dtype=_DTYPE, param_dtype=_DTYPE, rngs=rngs, **more)


def _norm(width: int, rngs: nnx.Rngs) -> nnx.LayerNorm:
    # Flax's shortcut for the variance, a difference of squares, loses digits.
    return nnx.LayerNorm(
        width,
        epsilon=1e-5,
        dtype=_DTYPE,
        param_dtype=_DTYPE,
        use_fast_variance=False,
        rngs=rngs,
    )


def _attend(
    queries: Float[Array, "B heads L depth"],
    keys: Float[Array, "B heads M depth"],
    values: Float[Array, "B heads M depth"],
    visible: Bool[Array, "L M"],
) -> Float[Array, "B heads L depth"]:
    scores = jnp.einsum("bhld,bhmd->bhlm", queries, keys)
    shown = jnp.broadcast_to(visible[None, None], scores.shape)
    weights = jax.nn.softmax(jnp.where(shown, scores, -jnp.inf), axis=-1)
    return jnp.einsum("bhlm,bhmd->bhld", weights, values)


class Attention(nnx.Module):
    """Causal self-attention with one projection for queries, keys and values."""

    def __init__(self, config: TransformerConfig, rngs: nnx.Rngs):
        self.heads = config.heads
        self.project = _linear(config.width, 3 * config.width, rngs)
        self.merge = _linear(config.width, config.width, rngs)

    def _split(self, hidden: Float[Array, "B L width"]) -> list[Float[Array, "B heads L depth"]]:
        batch, length, width = hidden.shape
        shape = (batch, length, 3, self.heads, width // self.heads)
        projected = jnp.transpose(self.project(hidden).reshape(shape), (2, 0, 3, 1, 4))
        return [projected[0] * (shape[-1] ** -0.5), projected[1], projected[2]]

    def _join(self, mixed: Float[Array, "B heads L depth"]) -> Float[Array, "B L width"]:
        rows = jnp.transpose(mixed, (0, 2, 1, 3))
        return self.merge(rows.reshape(*rows.shape[:2], -1))

    def __call__(
        self, hidden: Float[Array, "B L width"]
    ) -> tuple[Float[Array, "B L width"], LayerCache]:
        """Attention of every position to itself and those before it."""
        queries, keys, values = self._split(hidden)
        length, blocks = hidden.shape[1], []
        # Most of what a causal mask hides is not computed at all.
        for first in range(0, length, _QUERY_BLOCK):
            stop = min(first + _QUERY_BLOCK, length)
            visible = jnp.tri(stop - first, stop, first, dtype=bool)
            part = queries[:, :, first:stop], keys[:, :, :stop], values[:, :, :stop]
            blocks.append(_attend(*part, visible))
        return self._join(jnp.concatenate(blocks, axis=2)), LayerCache(keys, values)

    def step(
        self, hidden: Float[Array, "B 1 width"], cache: LayerCache, position: Int[Array, ""]
    ) -> tuple[Float[Array, "B 1 width"], LayerCache]:
        """Attention of one new position, which is entered into the cache."""
        query, key, value = self._split(hidden)
        keys = lax.dynamic_update_slice_in_dim(cache.keys, key, position, axis=2)
        values = lax.dynamic_update_slice_in_dim(cache.values, value, position, axis=2)
        visible = jnp.arange(keys.shape[2], dtype=position.dtype) <= position
        return self._join(_attend(query, keys, values, visible[None])), LayerCache(keys, values)


class Block(nnx.Module):
    """Attention and perceptron, each normalised before and added to the stream."""

    def __init__(self, config: TransformerConfig, rngs: nnx.Rngs):
        self.attention_norm = _norm(config.width, rngs)
        self.attention = Attention(config, rngs)
        self.perceptron_norm = _norm(config.width, rngs)
        self.expand = _linear(config.width, config.expansion * config.width, rngs)
        self.contract = _linear(config.expansion * config.width, config.width, rngs)

    def _perceive(self, hidden: Float[Array, "B L width"]) -> Float[Array, "B L width"]:
        inner = jax.nn.gelu(self.expand(self.perceptron_norm(hidden)))
        return hidden + self.contract(inner)

    def __call__(
        self, hidden: Float[Array, "B L width"]
    ) -> tuple[Float[Array, "B L width"], LayerCache]:
        """All positions at once."""
        change, cache = self.attention(self.attention_norm(hidden))
        return self._perceive(hidden + change), cache

    def step(
        self, hidden: Float[Array, "B 1 width"], cache: LayerCache, position: Int[Array, ""]
    ) -> tuple[Float[Array, "B 1 width"], LayerCache]:
        """One new position."""
        change, cache = self.attention.step(self.attention_norm(hidden), cache, position)
        return self._perceive(hidden + change), cache


class Transformer(nnx.Module):
    """Embeddings, blocks, head."""

    def __init__(self, config: TransformerConfig, rngs: nnx.Rngs):
        small = nnx.initializers.normal(_EMBEDDING_SCALE, _DTYPE)

        def embedding(count: int) -> nnx.Embed:
            return nnx.Embed(
                count,
                config.width,
                dtype=_DTYPE,
                param_dtype=_DTYPE,
                embedding_init=small,
                rngs=rngs,
            )

        self.tokens = embedding(config.vocabulary)
        self.positions = embedding(config.length)
        self.blocks = nnx.List([Block(config, rngs) for _ in range(config.layers)])
        self.norm = _norm(config.width, rngs)
        self.head = _linear(config.width, config.outputs, rngs, kernel_init=small)

    def _embed(self, tokens: Int[Array, "B L"], places: Array) -> Float[Array, "B L width"]:
        rows = self.tokens(tokens)
        return rows + jnp.broadcast_to(places[None], rows.shape)

    def hidden(
        self, tokens: Int[Array, "B L"]
    ) -> tuple[Float[Array, "B L width"], list[LayerCache]]:
        """The stream after the last block, and what a continuation would attend to.

        Raises:
          ValueError: there are more tokens than positions.
        """
        length, positions = tokens.shape[1], self.positions.num_embeddings
        if length > positions:
            raise ValueError(f"{length} tokens to read: the model has {positions} positions")
        stream = self._embed(tokens, self.positions.embedding[:length])
        caches = []
        for block in self.blocks:
            stream, cache = block(stream)
            caches.append(cache)
        return stream, caches

    def step(
        self, tokens: Int[Array, " B"], caches: list[LayerCache], position: Int[Array, ""]
    ) -> tuple[Float[Array, "B outputs"], list[LayerCache]]:
        """Outputs at one new position."""
        place = lax.dynamic_slice_in_dim(self.positions.embedding[...], position, 1)
        stream = self._embed(tokens[:, None], place)
        entered = []
        for block, cache in zip(self.blocks, caches, strict=True):
            stream, longer = block.step(stream, cache, position)
            entered.append(longer)
        return self.read_out(stream)[:, 0], entered

    def read_out(self, hidden: Float[Array, "B L width"]) -> Float[Array, "B L outputs"]:
        """Outputs from the stream."""
        return self.head(self.norm(hidden))


@lru_cache(maxsize=64)
def _skeleton(config: TransformerConfig) -> tuple[Any, Any]:
    model = nnx.eval_shape(lambda: Transformer(config, nnx.Rngs(0)))
    graph, state = nnx.split(model)
    return graph, nnx.to_pure_dict(state)


def bind(params: Params, config: TransformerConfig) -> Transformer:
    """The module with these parameters, for use inside a traced function."""
    return nnx.merge(_skeleton(config)[0], params)


def parameter_shapes(config: TransformerConfig) -> Params:
    """Shape and type of every parameter, each a `jax.ShapeDtypeStruct`."""
    return _skeleton(config)[1]


@partial(jax.jit, static_argnames="config")
def init(key: PRNGKeyArray, config: TransformerConfig) -> Params:
    """Random parameters: LeCun normal matrices, small embeddings and head.

    Example:
      >>> import jax, jax.numpy as jnp
      >>> from verigap.sim.models import TransformerConfig, init
      >>> config = TransformerConfig(vocabulary=4, outputs=4, length=4, layers=1, width=8, heads=1)
      >>> params = init(jax.random.key(0), config)
      >>> sum(leaf.size for leaf in jax.tree.leaves(params))
      988
    """
    return nnx.to_pure_dict(nnx.split(Transformer(config, nnx.Rngs(key)))[1])


@partial(jax.jit, static_argnames="config")
def apply(
    params: Params, config: TransformerConfig, tokens: Int[Array, "B L"]
) -> Float[Array, "B L outputs"]:
    """Outputs at every position, each from the tokens up to and including its own.

    Args:
      params: of a model of this shape.
      config: the shape.
      tokens: ids in 0 .. vocabulary - 1, at most `config.length` a row. An id beyond the vocabulary
        gives nan.

    Raises:
      ValueError: there are more tokens than positions.

    Example:
      >>> import jax, jax.numpy as jnp
      >>> from verigap.sim.models import TransformerConfig, apply, init
      >>> config = TransformerConfig(vocabulary=4, outputs=4, length=4, layers=1, width=8, heads=1)
      >>> params = init(jax.random.key(0), config)
      >>> apply(params, config, jnp.zeros((2, 3), jnp.int32)).shape
      (2, 3, 4)
    """
    model = bind(params, config)
    return model.read_out(model.hidden(tokens)[0])


def count_parameters(config: TransformerConfig) -> int:
    """Numbers that training moves.

    Example:
      >>> from verigap.sim.models import TransformerConfig, count_parameters
      >>> count_parameters(TransformerConfig(vocabulary=4, outputs=4, length=4, layers=1, width=8))
      988
    """
    leaves = jax.tree.leaves(parameter_shapes(config))
    return sum(math.prod(leaf.shape) for leaf in leaves)
