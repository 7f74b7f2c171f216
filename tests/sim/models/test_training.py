"""Training learns, follows its plan, and gives one curve however it is interrupted."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.sim.models import interrupted_training as job
from verigap.sim.models.checkpoints import load_state
from verigap.sim.models.training import TrainingPlan, advance, optimiser, start, train

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def whole() -> tuple[dict, np.ndarray]:
    return job.run()


def assert_same(first, second) -> None:
    """The same curve and the same parameters, to the bit."""
    np.testing.assert_array_equal(first[1], second[1])
    jax.tree.map(np.testing.assert_array_equal, first[0], second[0])


def test_a_tiny_data_set_is_memorised(whole: tuple[dict, np.ndarray]) -> None:
    params, losses = whole
    assert losses.dtype == np.float32
    assert losses.shape == (job.PLAN.steps // job.RECORD_EVERY,)
    assert losses[0] > 0.5
    # Of the four traces only the first token is open to chance.
    floor = np.log(4) / job.TRACES.shape[1]
    assert losses[-1] == pytest.approx(floor, abs=0.05)
    everything = job.loss(params, (job.PROMPTS, job.TRACES))
    assert floor - 1e-5 <= float(everything) == pytest.approx(floor, abs=0.05)


def test_stopping_between_chunks_changes_nothing(whole: tuple[dict, np.ndarray]) -> None:
    state = start(job.PARAMS, job.PLAN)
    for until in (0, job.RECORD_EVERY, 3 * job.RECORD_EVERY):
        state = job.advance_to(state, until)
        assert state.step == until
        assert len(state.losses) == until // job.RECORD_EVERY
    assert_same(job.run(state), whole)
    # Nothing was given away to a compiled program: the states can be used again.
    assert_same(job.run(state), whole)


def test_a_killed_training_continues_from_its_file(
    whole: tuple[dict, np.ndarray], tmp_path: Path
) -> None:
    file = tmp_path / "state.safetensors"
    command = [sys.executable, "-m", "tests.sim.models.interrupted_training", str(file)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "saved twice\n"
        os.kill(child.pid, signal.SIGKILL)
    assert child.returncode == -signal.SIGKILL
    state = load_state(file, job.CONFIG, job.PLAN)
    assert state.step == 2 * job.RECORD_EVERY
    assert_same(job.run(state), whole)


def test_stops_between_records_or_beyond_the_plan_are_refused() -> None:
    state = start(job.PARAMS, job.PLAN)
    with pytest.raises(ValueError, match="step 7: not a multiple of record_every = 20"):
        job.advance_to(state, 7)
    with pytest.raises(ValueError, match="step 1000: the plan has"):
        job.advance_to(state, 1000)
    with pytest.raises(ValueError, match="step 7: not a multiple"):
        job.advance_to(state._replace(step=7), job.RECORD_EVERY)


@pytest.mark.parametrize(
    "wrong",
    [{"steps": 0}, {"warmup": 10}, {"peak_rate": -1.0}, {"final_share": 2.0}, {"clip": 0.0}],
)
def test_plans_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    plan = {"steps": 10, "batch": 1, "peak_rate": 0.1, "warmup": 2, "weight_decay": 0.1}
    with pytest.raises(ValueError, match=next(iter(wrong))):
        TrainingPlan(**{**plan, **wrong})


def test_the_rate_warms_up_and_falls_and_only_matrices_decay() -> None:
    plan = TrainingPlan(steps=20, batch=1, peak_rate=0.1, warmup=4, weight_decay=0.5)
    params = {"matrix": jnp.ones((2, 2), jnp.float32), "bias": jnp.ones(2, jnp.float32)}
    zero = jax.tree.map(jnp.zeros_like, params)
    state = optimiser(plan).init(params)
    rates = []
    with jax.numpy_dtype_promotion("standard"):
        for _ in range(21):
            update: Any = optimiser(plan).update(zero, state, params)
            change, state = update
            assert jnp.all(change["bias"] == 0)
            rates.append(-float(change["matrix"][0, 0]) / 0.5)
    assert rates[:5] == pytest.approx([0, 0.025, 0.05, 0.075, 0.1])
    assert rates[12] == pytest.approx(0.1 * (0.1 + 0.9 / 2))
    assert rates[20] == pytest.approx(0.01)


def test_steps_are_numbered_and_keyed_apart_from_the_chunks() -> None:
    """A loss that is the batch itself shows which batches were drawn."""
    plan = TrainingPlan(steps=5, batch=1, peak_rate=0.1, warmup=0, weight_decay=0.0)

    def draw(key, step):
        return jax.random.uniform(key, (), jnp.float32) + step.astype(jnp.float32)

    def loss(params, batch):
        return batch + 0 * params["a"][0]

    params, key = {"a": jnp.ones(1, jnp.float32)}, jax.random.key(9)
    expected = [
        float(jax.random.uniform(jax.random.fold_in(key, i), (), jnp.float32)) + i for i in range(5)
    ]
    _, ones = train(loss, params, plan, key, draw, record_every=1)
    np.testing.assert_allclose(ones, expected, rtol=1e-6)
    _, pairs = train(loss, params, plan, key, draw, record_every=2)
    means = [np.mean(expected[0:2]), np.mean(expected[2:4]), expected[4]]
    np.testing.assert_allclose(pairs, means, rtol=1e-6)
    steps = []
    advance(
        loss,
        start(params, plan),
        plan,
        key,
        draw,
        record_every=2,
        save=lambda s: steps.append(s.step),
    )
    assert steps == [2, 4, 5]
