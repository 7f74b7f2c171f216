"""Bi-level rewards: nothing until the trace is first correct, one per token from then on.

A trace of `horizon` tokens is described equally well by its per-token rewards, by the index
of its first correct token, or by its return; the functions here convert between the three.
"""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Bool, Int

NEVER: int = int(np.iinfo(np.int32).max)
"""First-correct index of a trace that is never correct (the paper's T = infinity)."""


def is_bilevel(rewards: Int[Array, "*batch horizon"]) -> Bool[Array, "*batch"]:
    """Whether each reward sequence takes values in {0, 1} and never falls back to 0."""
    binary = jnp.all((rewards == 0) | (rewards == 1), axis=-1)
    return binary & jnp.all(jnp.diff(rewards, axis=-1) >= 0, axis=-1)


def check_bilevel(rewards: ArrayLike) -> None:
    """Raise `ValueError` naming the first sequence that is not bi-level (not for use under jit)."""
    values = np.atleast_2d(np.asarray(rewards))
    if values.shape[-1] == 0:
        raise ValueError("rewards: a trace needs at least one token")
    flat = values.reshape(-1, values.shape[-1])
    bad_value = (flat != 0) & (flat != 1)
    falls = np.diff(flat.astype(np.float64), axis=-1, prepend=0.0) < 0
    bad = bad_value | falls
    if bad.any():
        trace, token = (int(i) for i in np.argwhere(bad)[0])
        why = (
            f"is {flat[trace, token]}, not 0 or 1"
            if bad_value[trace, token]
            else "falls back to 0 after a 1"
        )
        raise ValueError(f"rewards: trace {trace}, token {token + 1} {why}; not bi-level")


def first_correct_from_rewards(rewards: Int[Array, "*batch horizon"]) -> Int[Array, "*batch"]:
    """Index (1-based, tokens) of the first rewarded token; `NEVER` where there is none."""
    rewarded = rewards > 0
    return jnp.where(jnp.any(rewarded, axis=-1), jnp.argmax(rewarded, axis=-1) + 1, NEVER)


def rewards_from_first_correct(
    first_correct: Int[Array, "*batch"], horizon: int
) -> Int[Array, "*batch {horizon}"]:
    """Per-token rewards r_h = 1{h >= T} for h = 1..horizon."""
    shape = (*first_correct.shape, horizon)
    token = jnp.broadcast_to(jnp.arange(1, horizon + 1, dtype=first_correct.dtype), shape)
    return (token >= first_correct[..., None]).astype(jnp.int32)


def returns_from_rewards(rewards: Int[Array, "*batch horizon"]) -> Int[Array, "*batch"]:
    """Return R = sum_h r_h, in tokens of correct trace."""
    return jnp.sum(rewards, axis=-1)


def return_at_budget(first_correct: Int[Array, "*batch"], horizon: int) -> Int[Array, "*batch"]:
    """Return of a trace at a budget of `horizon` tokens: (horizon - T + 1)_+.

    Args:
      first_correct: T, index of the first correct token, counted from 1; `NEVER` where there is
        none.
      horizon: the budget H, at least 1.

    Returns:
      Tokens of correct trace in 0..horizon, of the shape of `first_correct`.

    Example:
      >>> import jax.numpy as jnp
      >>> from verigap.theory import NEVER, return_at_budget
      >>> return_at_budget(jnp.asarray([3, 9, NEVER]), 8).tolist()
      [6, 0, 0]
    """
    return jnp.maximum(horizon + 1 - first_correct, 0)


def first_correct_from_return(returns: Int[Array, "*batch"], horizon: int) -> Int[Array, "*batch"]:
    """Inverse of `return_at_budget` on {0..horizon}; a return of 0 maps to `NEVER`."""
    return jnp.where(returns > 0, horizon + 1 - returns, NEVER)
