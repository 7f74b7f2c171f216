"""The base language model: a transformer trained on traces of a procedural policy."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import jax
import jax.numpy as jnp
from jax.tree_util import Partial
from jaxtyping import Array, Float, Int, PRNGKeyArray

from verigap.sim.models.config import TransformerConfig
from verigap.sim.models.sampling import log_probabilities
from verigap.sim.models.training import TrainingPlan, TrainingState, advance, start
from verigap.sim.models.transformer import Params, init
from verigap.sim.planted.automata import AutomatonPolicy, sample_traces
from verigap.sim.planted.automata import log_probabilities as oracle_log_probabilities
from verigap.sim.planted.learners.cloning import cloning_loss
from verigap.sim.planted.learners.data import Demonstrations

PART = 100
"""Steps between two saved states."""


@lru_cache(maxsize=16)
def _fresh_traces(batch: int) -> Callable[..., Demonstrations]:
    def draw(
        source: tuple[Int[Array, "P k"], AutomatonPolicy], key: PRNGKeyArray, step: Int[Array, ""]
    ) -> Demonstrations:
        ids, policy = source
        row_key, trace_key = jax.random.split(key)
        chosen = jax.random.randint(row_key, (batch,), 0, ids.shape[0], jnp.int32)
        return Demonstrations(ids[chosen], sample_traces(trace_key, policy, chosen))

    return draw


def pretrain(
    key: PRNGKeyArray,
    config: TransformerConfig,
    ids: Int[Array, "P k"],
    policy: AutomatonPolicy,
    plan: TrainingPlan,
    *,
    state: TrainingState | None = None,
    save: Callable[[TrainingState], None] = lambda state: None,
) -> TrainingState:
    """Next-token training on fresh traces of a policy; every step draws its own.

    Args:
      key: random stream of the parameters, prompts and traces.
      config: the shape.
      ids: all prompts as the model reads them, in the policy's order.
      policy: what is to be learnt.
      plan: how to train.
      state: where an interrupted training stood.
      save: called with the state after every `PART` steps.
    """
    init_key, data_key = jax.random.split(key)
    begun = start(init(init_key, config), plan) if state is None else state
    draw = Partial(_fresh_traces(plan.batch), (ids, policy))
    return advance(cloning_loss(config), begun, plan, data_key, draw, record_every=PART, save=save)


def divergence_from_oracle(
    key: PRNGKeyArray,
    params: Params,
    config: TransformerConfig,
    ids: Int[Array, "P k"],
    policy: AutomatonPolicy,
    samples: int,
) -> Float[Array, ""]:
    """KL(oracle || model) in nats a trace, estimated on oracle traces of every prompt."""
    rows = jnp.repeat(jnp.arange(ids.shape[0], dtype=jnp.int32), samples)
    traces = sample_traces(key, policy, rows)
    true = jnp.sum(oracle_log_probabilities(policy, rows, traces), axis=1)
    learnt = jnp.sum(log_probabilities(params, config, ids[rows], traces), axis=1)
    return jnp.mean(true - learnt.astype(true.dtype))
