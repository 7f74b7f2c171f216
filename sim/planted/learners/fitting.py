"""Training on a fixed data set, stopped where held-back traces are predicted best."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jax.tree_util import Partial
from jaxtyping import Float, PRNGKeyArray

from verigap.sim.models.training import Loss, TrainingPlan, advance, start
from verigap.sim.models.transformer import Params
from verigap.sim.planted.learners.data import Dataset, minibatch, rows

HELD_BACK = 0.2
"""Share of the learner's own data that decides when to stop; it counts towards n."""

EVALUATIONS = 20


class Fitted(NamedTuple):
    """A trained network.

    Attributes:
      params: at the step of the least validation loss.
      step: that step; 0 keeps the initial parameters.
      validation: validation loss before training and after every part of it (nats).
      training: mean batch loss of every part (nats).
    """

    params: Params
    step: int
    validation: Float[np.ndarray, " evaluations"]
    training: Float[np.ndarray, " parts"]


def fit(
    loss: Loss,
    params: Params,
    data: Dataset,
    plan: TrainingPlan,
    key: PRNGKeyArray,
    watch: Callable[[int, Params], None] = lambda step, params: None,
) -> Fitted:
    """Minimise a loss on 4/5 of a data set and stop by the rest.

    Rows are taken as independent: the last fifth is held back.

    Args:
      loss: of parameters and a batch, compiled; the same function object for every call is compiled
        into the steps once.
      params: where to start.
      data: at least 5 rows.
      plan: how to train.
      key: random stream of the batches.
      watch: called with every step at which the validation loss is taken, and the parameters.

    Raises:
      ValueError: too few rows.
    """
    size = data.prompts.shape[0]
    held = round(size * HELD_BACK)
    if held < 1:
        raise ValueError(f"{size} traces are too few to train on; give at least 5")
    seen, unseen = rows(data, slice(0, size - held)), rows(data, slice(size - held, size))
    draw = Partial(minibatch(plan.batch), seen)
    part = max(1, plan.steps // EVALUATIONS)
    state = start(params, plan)
    best, best_step = params, 0
    validation = [float(loss(params, unseen))]
    while state.step < plan.steps:
        until = min(state.step + part, plan.steps)
        state = advance(loss, state, plan, key, draw, record_every=part, until=until)
        watch(state.step, state.params)
        validation.append(float(loss(state.params, unseen)))
        if validation[-1] < min(validation[:-1]):
            best, best_step = state.params, state.step
    return Fitted(best, best_step, np.asarray(validation), np.asarray(state.losses))
