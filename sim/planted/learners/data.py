"""Traces as a transformer reads them, and minibatches of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray

from verigap.sim.planted.task import PlantedTask


def prompt_ids(task: PlantedTask, prompts: Int[Array, "n k"]) -> Int[Array, "n k"]:
    """Symbols as ids of their own, V..2V-1, beside the trace tokens 0..V-1."""
    return prompts + jnp.asarray(task.vocabulary, prompts.dtype)


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Demonstrations:
    """What a verifier-free learner sees: expert traces, and no reward.

    Attributes:
      prompts: ids as the model reads them.
      traces: expert tokens.
    """

    prompts: Int[Array, "n k"]
    traces: Int[Array, "n H"]


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class LabelledTraces:
    """What a verifier-based learner sees: base traces with the reward of every prefix.

    Attributes:
      prompts: ids as the model reads them.
      traces: base tokens.
      labels: bi-level rewards, 0 or 1.
    """

    prompts: Int[Array, "n k"]
    traces: Int[Array, "n H"]
    labels: Float[Array, "n H"]


Dataset = Demonstrations | LabelledTraces


def rows(data: Any, index: Any) -> Any:
    """Some rows of a data set."""
    return jax.tree.map(lambda column: column[index], data)


@lru_cache(maxsize=16)
def minibatch(batch: int) -> Callable[[Any, PRNGKeyArray, Int[Array, ""]], Any]:
    """A draw of `batch` rows with replacement, for `jax.tree_util.Partial(minibatch(b), data)`."""

    def draw(data: Any, key: PRNGKeyArray, step: Int[Array, ""]) -> Any:
        size = data.prompts.shape[0]
        return rows(data, jax.random.randint(key, (batch,), 0, size, jnp.int32))

    return draw
