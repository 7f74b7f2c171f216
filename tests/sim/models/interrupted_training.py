"""A training of a tiny model; as a program, one that hangs after its second checkpoint."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial

from verigap.sim.models.checkpoints import save_state
from verigap.sim.models.config import TransformerConfig
from verigap.sim.models.losses import next_token_loss
from verigap.sim.models.training import TrainingPlan, TrainingState, advance, train
from verigap.sim.models.transformer import Params, init

CONFIG = TransformerConfig(vocabulary=8, outputs=4, length=10, layers=1, width=16, heads=2)
PLAN = TrainingPlan(steps=120, batch=8, peak_rate=0.02, warmup=10, weight_decay=0.01)
RECORD_EVERY = 20
PROMPTS = jnp.full((4, 2), 5, jnp.int32)
_RNG = np.random.default_rng(0)
TRACES = jnp.asarray(np.c_[np.arange(4), _RNG.integers(0, 4, (4, 7))], jnp.int32)
PARAMS = init(jax.random.key(0), CONFIG)


def loss(params: Params, batch: Any) -> jax.Array:
    return next_token_loss(params, CONFIG, *batch)


def _draw(data: Any, key: jax.Array, step: jax.Array) -> Any:
    rows = jax.random.randint(key, (PLAN.batch,), 0, 4)
    return jax.tree.map(lambda column: column[rows], data)


_ARGUMENTS = (PLAN, jax.random.key(1), Partial(_draw, (PROMPTS, TRACES)))


def run(state: TrainingState | None = None) -> tuple[Params, np.ndarray]:
    return train(loss, PARAMS, *_ARGUMENTS, record_every=RECORD_EVERY, state=state)


def advance_to(state: TrainingState, until: int) -> TrainingState:
    return advance(loss, state, *_ARGUMENTS, record_every=RECORD_EVERY, until=until)


def _save(state: TrainingState) -> None:
    save_state(Path(sys.argv[1]), state, CONFIG, PLAN)
    if state.step == 2 * RECORD_EVERY:
        print("saved twice", flush=True)
        time.sleep(60)


if __name__ == "__main__":
    # As in conftest: the other side of the comparison runs there.
    jax.config.update("jax_enable_x64", True)
    train(loss, PARAMS, *_ARGUMENTS, record_every=RECORD_EVERY, save=_save)
