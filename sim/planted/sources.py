"""What learners of the planted subsequence are given: demonstrations, and labelled traces."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jaxtyping import PRNGKeyArray

from verigap.sim.models.sampling import sample_many
from verigap.sim.models.transformer import Params
from verigap.sim.planted.automata import sample_traces
from verigap.sim.planted.instance import PlantedInstance
from verigap.sim.planted.learners.data import Demonstrations, LabelledTraces, prompt_ids
from verigap.sim.planted.oracle import planted_expert
from verigap.sim.planted.task import PlantedTask, prefix_rewards


def expert_demonstrations(
    key: PRNGKeyArray, instance: PlantedInstance, count: int | None = None
) -> Demonstrations:
    """Traces of the expert on random training prompts, drawn exactly.

    Args:
      key: random stream.
      instance: the task and its prompts.
      count: number of traces. Default: n.
    """
    p = instance.parameters
    prompts = instance.prompts[0]
    row_key, trace_key = jax.random.split(key)
    shape = (p.data_budget if count is None else count,)
    rows = jax.random.randint(row_key, shape, 0, prompts.shape[0], jnp.int32)
    expert, _ = planted_expert(instance.base_on(prompts), p.chi2_radius)
    traces = sample_traces(trace_key, expert, rows)
    return Demonstrations(prompt_ids(instance.task, prompts[rows]), traces)


def labelled_traces(
    key: PRNGKeyArray,
    instance: PlantedInstance,
    policy: Params,
    count: int | None = None,
    *,
    unchecked: int = 0,
) -> LabelledTraces:
    """Traces of a trained policy on random training prompts, with their rewards.

    Args:
      key: random stream.
      instance: the task and its prompts.
      policy: parameters of the policy.
      count: number of traces. Default: n.
      unchecked: tokens at the end of the block that whoever labels does not look at. A lenient
        check rewards from the first copy of the others on, and so errs in favour of the trace.
    """
    p = instance.parameters
    row_key, trace_key = jax.random.split(key)
    shape = (p.data_budget if count is None else count,)
    index = jax.random.randint(row_key, shape, 0, instance.prompts[0].shape[0], jnp.int32)
    prompts = instance.prompts[0][index]
    ids = prompt_ids(instance.task, prompts)
    drawn, _ = sample_many(trace_key, policy, instance.config, ids, p.horizon)
    traces = jnp.asarray(drawn)
    seen = p.symbols - unchecked
    looked_for = PlantedTask(instance.task.code, seen)
    labels = prefix_rewards(looked_for, prompts[:, :seen], traces).astype(jnp.float32)
    return LabelledTraces(ids, traces, labels)
