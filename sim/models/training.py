"""Training by AdamW: many steps in one compiled program, and the same curve however interrupted.

Batch i is a function of `fold_in(key, i)` alone, and steps are taken in chunks that start at
multiples of `record_every`; a training stopped between two chunks and continued from its state
therefore runs the same programs on the same numbers as one that was never stopped.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import lax
from jax.tree_util import Partial
from jaxtyping import Array, Float, Int, PRNGKeyArray

from verigap.sim.models.transformer import Params

Loss = Callable[[Params, Any], Float[Array, ""]]
"""Mean loss of the parameters on a batch."""

Draw = Callable[[PRNGKeyArray, Int[Array, ""]], Any]
"""Batch of a step from the key of the step and its number."""


@dataclass(frozen=True)
class TrainingPlan:
    """How to train; hashable.

    Attributes:
      steps: updates in all.
      batch: rows a step, for whoever draws the batches.
      peak_rate: learning rate after the warm-up.
      warmup: steps over which the rate rises from zero.
      weight_decay: decoupled, of matrices and embeddings.
      clip: largest norm of a gradient.
      final_share: rate of the last step over the peak rate; a cosine leads there.

    Raises:
      ValueError: a number is out of range.
    """

    steps: int
    batch: int
    peak_rate: float
    warmup: int
    weight_decay: float
    clip: float = 1.0
    final_share: float = 0.1

    def __post_init__(self) -> None:
        if self.steps < 1 or self.batch < 1:
            raise ValueError(f"steps = {self.steps}, batch = {self.batch}: need at least one each")
        if not 0 <= self.warmup < self.steps:
            raise ValueError(f"warmup = {self.warmup}: must be in 0 .. steps - 1")
        if not (self.peak_rate > 0 and self.clip > 0 and self.weight_decay >= 0):
            raise ValueError("peak_rate and clip must be positive, weight_decay not negative")
        if not 0 <= self.final_share <= 1:
            raise ValueError(f"final_share = {self.final_share}: must be in 0 .. 1")


class TrainingState(NamedTuple):
    """Where a training stands; all that a later session needs to continue it.

    Attributes:
      params: the parameters.
      optimiser: Optax's state.
      step: updates taken.
      losses: float32, mean batch loss of every `record_every` steps so far (nats).
    """

    params: Params
    optimiser: Any
    step: int
    losses: Float[np.ndarray, " records"]


@lru_cache(maxsize=64)
def optimiser(plan: TrainingPlan) -> optax.GradientTransformation:
    """Clipping and AdamW under a warm-up and a cosine."""
    rate = optax.warmup_cosine_decay_schedule(
        0.0 if plan.warmup else plan.peak_rate,
        plan.peak_rate,
        plan.warmup,
        plan.steps,
        plan.peak_rate * plan.final_share,
    )
    adamw = optax.adamw(rate, weight_decay=plan.weight_decay, mask=_is_matrix)
    return optax.chain(optax.clip_by_global_norm(plan.clip), adamw)


def _is_matrix(params: Params) -> Params:
    return jax.tree.map(lambda leaf: leaf.ndim > 1, params)


def start(params: Params, plan: TrainingPlan) -> TrainingState:
    """The state before the first step."""
    return TrainingState(params, optimiser(plan).init(params), 0, np.zeros(0, np.float32))


@partial(jax.jit, static_argnames=("loss", "plan", "steps"))
def _chunk(
    loss: Loss,
    plan: TrainingPlan,
    steps: int,
    params: Params,
    inner: Any,
    key: PRNGKeyArray,
    draw: Partial,
    first: Int[Array, ""],
) -> tuple[Params, Any, Float[Array, ""]]:
    """Parameters and optimiser after some steps, and the mean of their losses."""

    def step(carry, index):
        params, inner = carry
        batch = draw(jax.random.fold_in(key, index), index)
        value, gradient = jax.value_and_grad(loss)(params, batch)
        # Optax raises floats to integer powers, which strict promotion forbids.
        with jax.numpy_dtype_promotion("standard"):
            updates, inner = optimiser(plan).update(gradient, inner, params)
        return (optax.apply_updates(params, updates), inner), value

    indices = first + jnp.arange(steps, dtype=jnp.int32)
    trained: Any
    (trained, inner), losses = lax.scan(step, (params, inner), indices)
    return trained, inner, jnp.mean(losses)


def advance(
    loss: Loss,
    state: TrainingState,
    plan: TrainingPlan,
    key: PRNGKeyArray,
    draw: Draw,
    *,
    record_every: int,
    until: int | None = None,
    save: Callable[[TrainingState], None] | None = None,
) -> TrainingState:
    """Train on from a state.

    Args:
      loss: of parameters and a batch. Compiled programs are found again by the identity of this
        function, so make it once.
      state: from `start`, from an earlier call, or from a file.
      plan: the same for all calls of one training.
      key: likewise.
      draw: batch of a step from (key of the step, number of the step), traceable. Data given as
        `jax.tree_util.Partial(function, data)` is not built into the compiled program.
      record_every: steps run as one program and recorded as one loss.
      until: where to stop: a multiple of `record_every`, or the plan's last step (as None).
      save: called with the state after every chunk.

    Returns:
      The state after `until` steps; the given one if it is there already.

    Raises:
      ValueError: the state or `until` lies between two records or beyond the plan.
    """
    stop = plan.steps if until is None else until
    for place in (state.step, stop):
        if record_every < 1 or (place % record_every and place != plan.steps):
            raise ValueError(f"step {place}: not a multiple of record_every = {record_every}")
        if not 0 <= place <= plan.steps:
            raise ValueError(f"step {place}: the plan has {plan.steps}")
    batches = draw if isinstance(draw, Partial) else Partial(draw)
    while state.step < stop:
        steps = min(record_every, stop - state.step)
        first = jnp.asarray(state.step, jnp.int32)
        params, inner, mean = _chunk(
            loss, plan, steps, state.params, state.optimiser, key, batches, first
        )
        losses = np.append(state.losses, np.asarray(mean, np.float32))
        state = TrainingState(params, inner, state.step + steps, losses)
        if save is not None:
            save(state)
    return state


def train(
    loss: Loss,
    params: Params,
    plan: TrainingPlan,
    key: PRNGKeyArray,
    draw: Draw,
    *,
    record_every: int,
    state: TrainingState | None = None,
    until: int | None = None,
    save: Callable[[TrainingState], None] | None = None,
) -> tuple[Params, Float[np.ndarray, " records"]]:
    """Train from given parameters, or on from a state, in which case they are not looked at.

    The arguments are those of `advance`.

    Returns:
      The trained parameters, and the mean batch loss of every `record_every` steps (nats).

    Raises:
      ValueError: as `advance`.

    Example:
      >>> import jax, jax.numpy as jnp
      >>> from verigap.sim.models import TrainingPlan, train
      >>> plan = TrainingPlan(steps=20, batch=1, peak_rate=0.1, warmup=0, weight_decay=0.0)
      >>> params, losses = train(
      ...     lambda params, batch: jnp.sum(params["x"] ** 2), {"x": jnp.ones(1)}, plan,
      ...     jax.random.key(0), lambda key, step: (), record_every=10,
      ... )
      >>> losses.shape, bool(losses[1] < losses[0])
      ((2,), True)
    """
    begun = start(params, plan) if state is None else state
    done = advance(loss, begun, plan, key, draw, record_every=record_every, until=until, save=save)
    return done.params, done.losses
