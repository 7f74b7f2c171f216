"""Policies of the comparison: what they are trained on, and how they explore."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.sim.planted.methods.small_methods import small_instance
from verigap.sim.models.sampling import log_probabilities, sample
from verigap.sim.models.training import TrainingPlan
from verigap.sim.models.transformer import Params, init
from verigap.sim.planted.learners.cloning import cloning_loss
from verigap.sim.planted.learners.data import Demonstrations, prompt_ids
from verigap.sim.planted.learners.policy_gradient import (
    Exploration,
    at_temperature,
    policy_gradient,
    repetitions,
)
from verigap.sim.planted.learners.verifier import verifier_config
from verigap.sim.planted.methods import rejection
from verigap.sim.planted.methods.candidates import Candidates
from verigap.sim.planted.methods.limited_cloning import limited_cloning_loss
from verigap.sim.planted.methods.parameters import ReinforcementSpec, VerifierSpec
from verigap.sim.planted.methods.reinforcement import reinforcement_spending
from verigap.sim.planted.methods.rejection import rejection_fine_tuned
from verigap.sim.planted.methods.trained import pass_at_n
from verigap.sim.planted.methods.verifiers import learned_verifier
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


def _reinforced(**more: Any) -> tuple[Params, Params, list[int]]:
    """A base, the policy after a few steps that only exploration tells from it, and its steps."""
    instance, base = small_instance()
    # One that promises the same of every trace.
    blank = jax.tree.map(jnp.zeros_like, init(jax.random.key(1), verifier_config(instance.config)))
    plan = TrainingPlan(steps=40, batch=8, peak_rate=0.02, warmup=0, weight_decay=0.0)
    steps: list[int] = []
    ids = prompt_ids(instance.task, instance.prompts[0])
    policy, _ = policy_gradient(
        base, blank, instance.config, ids, horizon=6, method="reinforce", penalty=0.0, plan=plan,
        group=8, key=jax.random.key(3), watch=lambda step, _: steps.append(step), **more,
    )  # fmt: skip
    return base, policy, steps


def _drawn(params: Params) -> tuple[np.ndarray, np.ndarray]:
    """Traces of a policy, and the surprise of each (nats)."""
    instance, _ = small_instance()
    ids = jnp.tile(prompt_ids(instance.task, instance.prompts[0]), (60, 1))
    traces, logarithms = sample(jax.random.key(8), params, instance.config, ids, 6)
    return np.asarray(traces), -np.asarray(logarithms.sum(axis=1))


def test_without_exploration_an_indifferent_verifier_teaches_nothing() -> None:
    base, policy, steps = _reinforced()
    assert steps == list(range(4, 41, 4))
    for before, after in zip(jax.tree.leaves(base), jax.tree.leaves(policy), strict=True):
        np.testing.assert_allclose(before, after, atol=1e-6)


def test_training_begins_at_the_given_policy() -> None:
    instance, _ = small_instance()
    start = init(jax.random.key(6), instance.config)
    _, policy, _ = _reinforced(initial=start)
    for before, after in zip(jax.tree.leaves(start), jax.tree.leaves(policy), strict=True):
        np.testing.assert_allclose(before, after, atol=1e-6)


def test_the_bonus_for_surprise_makes_traces_less_sure() -> None:
    instance, _ = small_instance()
    sure = jax.tree.map(lambda leaf: 4.0 * leaf, init(jax.random.key(5), instance.config))
    _, policy, _ = _reinforced(initial=sure, exploration=Exploration(entropy=1.0))
    assert _drawn(policy)[1].mean() > _drawn(sure)[1].mean() + 0.3


def test_the_penalty_makes_repetitions_rarer() -> None:
    base, policy, _ = _reinforced(exploration=Exploration(repetition=1.0))
    before, after = (repetitions(jnp.asarray(_drawn(each)[0])).mean() for each in (base, policy))
    assert float(after) < 0.5 * float(before)


def test_what_reinforcement_is_given() -> None:
    instance, base = small_instance()
    verifier = learned_verifier(jax.random.key(4), VerifierSpec(name="v"), instance, base)
    spec = ReinforcementSpec(steps=10, prompts=3, group=5)
    spent = reinforcement_spending(instance, verifier, spec, 10)
    assert spent.training_tokens == 10 * 3 * 5 * 6
    assert spent.labels == spent.answer_tokens == 0
    twice = reinforcement_spending(instance, verifier, spec, 20)
    assert twice.training_flops == 2 * spent.training_flops > 0


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
