"""Policies of the comparison: what they are trained on, and how they explore."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.sim.planted.methods.small_methods import small_instance
from verigap.sim.models.sampling import log_probabilities
from verigap.sim.planted.learners.cloning import cloning_loss
from verigap.sim.planted.learners.data import Demonstrations, prompt_ids
from verigap.sim.planted.learners.policy_gradient import at_temperature, repetitions
from verigap.sim.planted.methods import rejection
from verigap.sim.planted.methods.candidates import Candidates
from verigap.sim.planted.methods.limited_cloning import limited_cloning_loss
from verigap.sim.planted.methods.rejection import rejection_fine_tuned
from verigap.sim.planted.methods.trained import pass_at_n
from verigap.sim.planted.parameters import PlanSpec
from verigap.sim.planted.task import returns


def test_logits_are_divided_by_the_temperature() -> None:
    instance, base = small_instance()
    ids = prompt_ids(instance.task, instance.prompts[0])
    one = jnp.arange(4, dtype=jnp.int32)
    prompts, traces = jnp.tile(ids[:1], (4, 1)), one[:, None]
    law = jax.nn.softmax(log_probabilities(base, instance.config, prompts, traces)[:, 0])
    hot = log_probabilities(at_temperature(base, 3.0), instance.config, prompts, traces)[:, 0]
    np.testing.assert_allclose(jnp.exp(hot), law ** (1 / 3) / jnp.sum(law ** (1 / 3)), rtol=1e-5)


def test_a_repetition_is_a_token_like_the_two_before_it() -> None:
    traces = jnp.asarray([[0, 0, 0, 0], [0, 0, 1, 1], [1, 0, 0, 0], [0, 1, 2, 3]], jnp.int32)
    assert repetitions(traces).tolist() == [2.0, 0.0, 1.0, 0.0]


def _demonstrations() -> Demonstrations:
    instance, _ = small_instance()
    ids = prompt_ids(instance.task, instance.prompts[0])[:5]
    return Demonstrations(ids, jax.random.randint(jax.random.key(0), (5, 6), 0, 4, jnp.int32))


def test_a_limit_of_one_is_log_loss() -> None:
    instance, base = small_instance()
    shown = _demonstrations()
    limited = limited_cloning_loss(instance.config, 1.0)(base, shown)
    assert float(limited) == pytest.approx(
        float(cloning_loss(instance.config)(base, shown)), rel=1e-5
    )


def test_the_limited_loss_is_that_of_at_least_one_of_n() -> None:
    instance, base = small_instance()
    shown = _demonstrations()
    chosen = np.exp(
        np.asarray(log_probabilities(base, instance.config, shown.prompts, shown.traces))
    )
    expected = -np.log(1 - (1 - chosen) ** 4).mean()
    found = limited_cloning_loss(instance.config, 4.0)(base, shown)
    assert float(found) == pytest.approx(expected, rel=1e-4)


def test_pass_at_n_over_every_set() -> None:
    earned = np.asarray([[0.0, 0.0, 0.0, 2.0], [1.0, 0.0, 3.0, 0.0], [0.0, 0.0, 0.0, 0.0]])
    drawn = Candidates(np.zeros((3, 2), int), np.zeros((3, 4, 5), int), earned)
    # Of six pairs, three hold the one correct trace; one misses both correct ones.
    np.testing.assert_allclose(pass_at_n(drawn, 2), [3 / 6, 5 / 6, 0.0])
    np.testing.assert_allclose(pass_at_n(drawn, 4), [1.0, 1.0, 0.0])


def test_only_correct_traces_are_cloned(monkeypatch: pytest.MonkeyPatch) -> None:
    instance, base = small_instance()
    seen: list[Demonstrations] = []

    def watched(base, config, data, plan, key):
        seen.append(data)
        return original(base, config, data, plan, key)

    original = rejection.clone
    monkeypatch.setattr(rejection, "clone", watched)
    plan = PlanSpec(steps=6, batch=8, rate=0.003)
    done = rejection_fine_tuned(jax.random.key(0), instance, base, 3, plan)
    for data in seen:
        earned = returns(instance.task, data.prompts - 4, data.traces)
        assert (earned > 0).all()
    sizes = [data.prompts.shape[0] for data in seen]
    assert sizes == sorted(sizes)
    assert done.kept == sizes[-1]
    # 40 labelled traces, and as many of its three parts of 2 steps as had traces to train on.
    assert done.spent.labels == 40
    assert done.spent.training_tokens == (40 + len(seen) * 2 * 8) * 6


def test_without_correct_traces_the_base_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rejection, "LEAST_ROWS", 1000)
    instance, base = small_instance()
    plan = PlanSpec(steps=2, batch=8, rate=0.003)
    done = rejection_fine_tuned(jax.random.key(0), instance, base, 1, plan)
    assert done.params is base
    assert done.spent.training_tokens == 40 * 6
