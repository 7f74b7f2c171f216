"""The contextualised planted subsequence game: its task, its verifier and its prompts.

A prompt is k symbols; a hidden map g sends each symbol to a token. A trace is rewarded from the
token on that completes the first contiguous copy of the block g(x_1)...g(x_k)
(docs/games/planted-subsequence.md).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray

from verigap.theory.rewards import return_at_budget, rewards_from_first_correct


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class PlantedTask:
    """What a prompt asks for. Symbols and tokens are both numbered 0..V-1.

    Attributes:
      code: the hidden map g, a permutation of the tokens; code[x] is the token of symbol x.
      symbols: k, symbols in a prompt and tokens in its block.
    """

    code: Int[Array, " vocabulary"]
    symbols: int = field(metadata={"static": True})

    @property
    def vocabulary(self) -> int:
        """V, the number of tokens."""
        return self.code.shape[-1]


def draw_task(key: PRNGKeyArray, symbols: int, vocabulary: int) -> PlantedTask:
    """A task whose hidden map is a uniformly random permutation.

    Args:
      key: PRNG key.
      symbols: k >= 1.
      vocabulary: V >= 2.

    Raises:
      ValueError: a size below its least value.

    Example:
      >>> import jax
      >>> from verigap.sim.planted import draw_task
      >>> task = draw_task(jax.random.key(0), symbols=2, vocabulary=4)
      >>> sorted(task.code.tolist()), task.symbols
      ([0, 1, 2, 3], 2)
    """
    if symbols < 1:
        raise ValueError(f"planted task: a prompt needs at least one symbol, not {symbols}")
    if vocabulary < 2:
        raise ValueError(f"planted task: needs at least two tokens, not {vocabulary}")
    code = jax.random.permutation(key, jnp.arange(vocabulary, dtype=jnp.int32))
    return PlantedTask(code, symbols)


def blocks(task: PlantedTask, prompts: Int[Array, "prompts k"]) -> Int[Array, "prompts k"]:
    """The rewarded block g(x_1)...g(x_k) of each prompt."""
    return task.code[prompts]


@jax.jit
def first_correct(
    task: PlantedTask, prompts: Int[Array, "prompts k"], traces: Int[Array, "prompts horizon"]
) -> Int[Array, " prompts"]:
    """Index (1-based, tokens) of the token that completes the first copy of the block.

    horizon + 1 where the trace never contains it. One trace a prompt; repeat prompts for more.
    """
    wanted = blocks(task, prompts).astype(traces.dtype)
    width, horizon = wanted.shape[-1], traces.shape[-1]
    starts = horizon - width + 1
    if starts < 1:
        return jnp.full(traces.shape[0], horizon + 1, jnp.int32)
    shifted = [traces[:, i : i + starts] == wanted[:, i, None] for i in range(width)]
    complete = jnp.all(jnp.stack(shifted), axis=0)
    first = jnp.argmax(complete, axis=-1).astype(jnp.int32) + width
    return jnp.where(jnp.any(complete, axis=-1), first, horizon + 1)


@jax.jit
def prefix_rewards(
    task: PlantedTask, prompts: Int[Array, "prompts k"], traces: Int[Array, "prompts horizon"]
) -> Float[Array, "prompts horizon"]:
    """Bi-level rewards, 1 from the first correct token on and 0 before."""
    hit = first_correct(task, prompts, traces)
    return rewards_from_first_correct(hit, traces.shape[-1]).astype(jnp.result_type(float))


@jax.jit
def returns(
    task: PlantedTask, prompts: Int[Array, "prompts k"], traces: Int[Array, "prompts horizon"]
) -> Float[Array, " prompts"]:
    """Returns in 0..horizon, tokens of correct trace."""
    hit = first_correct(task, prompts, traces)
    return return_at_budget(hit, traces.shape[-1]).astype(jnp.result_type(float))


def all_prompts(task: PlantedTask) -> Int[Array, "prompts k"]:
    """Every prompt, V^k of them, in lexicographic order."""
    digits = np.indices((task.vocabulary,) * task.symbols).reshape(task.symbols, -1)
    return jnp.asarray(digits.T, jnp.int32)


def split_prompts(
    key: PRNGKeyArray, task: PlantedTask, held_out: int
) -> tuple[Int[Array, "train k"], Int[Array, "held_out k"]]:
    """All prompts, in random order, as a training and a held-out part that share none.

    Args:
      key: PRNG key.
      task: the task.
      held_out: size of the second part, in 1..V^k - 1.

    Raises:
      ValueError: one of the two parts would be empty.
    """
    prompts = all_prompts(task)
    if not 0 < held_out < prompts.shape[0]:
        raise ValueError(
            f"split of {prompts.shape[0]} prompts: cannot hold out {held_out}, both parts need one"
        )
    shuffled = jax.random.permutation(key, prompts)
    return shuffled[held_out:], shuffled[:held_out]
