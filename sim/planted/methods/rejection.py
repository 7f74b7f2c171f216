"""Rejection-sampling fine-tuning: clone one's own correct traces, in one round or in several."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PRNGKeyArray

from verigap.sim.models.accounting import sampling_flops, training_flops
from verigap.sim.models.transformer import Params
from verigap.sim.planted.instance import PlantedInstance, training_plan
from verigap.sim.planted.learners.cloning import clone
from verigap.sim.planted.learners.data import Demonstrations
from verigap.sim.planted.methods.spending import Spending
from verigap.sim.planted.parameters import PlanSpec
from verigap.sim.planted.sources import labelled_traces

LEAST_ROWS = 5
"""Correct traces that a round is trained on at least; with fewer the policy stays as it is."""


class Rejection(NamedTuple):
    """The policy after the last round.

    Attributes:
      params: its parameters.
      kept: traces that it was trained on, those of every round.
      spent: on labels and training.
    """

    params: Params
    kept: int
    spent: Spending


def rejection_fine_tuned(
    key: PRNGKeyArray, instance: PlantedInstance, base: Params, rounds: int, plan: PlanSpec
) -> Rejection:
    """Label traces of the current policy, and train the base on all correct ones so far.

    Args:
      key: random stream.
      instance: the task and its prompts.
      base: parameters of the base, from which every round starts.
      rounds: each has n / rounds labels and as large a share of the steps.
      plan: of all rounds together.
    """
    p = instance.parameters
    policy, prompts, traces = base, [], []
    spent = Spending()
    each = plan.model_copy(update={"steps": plan.steps // rounds})
    for number in range(rounds):
        label_key, fit_key = jax.random.split(jax.random.fold_in(key, number))
        count = (number + 1) * p.data_budget // rounds - number * p.data_budget // rounds
        drawn = labelled_traces(label_key, instance, policy, count)
        correct = np.asarray(drawn.labels[:, -1] > 0)
        prompts.append(np.asarray(drawn.prompts)[correct])
        traces.append(np.asarray(drawn.traces)[correct])
        spent = spent + Spending(
            labels=count,
            training_tokens=float(count * p.horizon),
            training_flops=float(count * sampling_flops(instance.config, p.symbols, p.horizon)),
        )
        if sum(map(len, traces)) < LEAST_ROWS:
            continue
        shuffled = np.random.default_rng(number).permutation(sum(map(len, traces)))
        data = Demonstrations(
            jnp.asarray(np.concatenate(prompts)[shuffled]),
            jnp.asarray(np.concatenate(traces)[shuffled]),
        )
        policy = clone(base, instance.config, data, training_plan(each), fit_key).params
        sequences = each.steps * each.batch
        read = p.symbols + p.horizon - 1
        spent = spent + Spending(
            training_tokens=float(sequences * p.horizon),
            training_flops=float(training_flops(instance.config, read, sequences)),
        )
    return Rejection(policy, sum(map(len, traces)), spent)
