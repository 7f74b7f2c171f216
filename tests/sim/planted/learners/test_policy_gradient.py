"""Policy gradients: the leash's gradient against the divergence itself, and the ascent."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from verigap.sim.models.config import TransformerConfig
from verigap.sim.models.sampling import sample
from verigap.sim.models.training import TrainingPlan
from verigap.sim.models.transformer import init
from verigap.sim.planted.learners.policy_gradient import advantages, leash_cost, policy_gradient
from verigap.sim.planted.learners.verifier import verifier_config

BASE = jnp.asarray([0.2, 0.3, 0.5])


def _divergence(logits, leash):
    policy = jax.nn.softmax(logits)
    if leash == "kl":
        return jnp.sum(policy * jnp.log(policy / BASE))
    return jnp.sum(policy**2 / BASE) - 1.0


@pytest.mark.parametrize("leash", ["kl", "chi2"])
def test_the_cost_s_score_function_gradient_is_the_divergence_s(leash):
    logits = jnp.asarray([0.4, -0.1, 0.3])

    def surrogate(logits):
        policy = jax.nn.softmax(logits)
        cost = leash_cost(jnp.log(policy / BASE), leash)
        return jnp.sum(jax.lax.stop_gradient(policy * cost) * jnp.log(policy))

    np.testing.assert_allclose(
        jax.grad(surrogate)(logits),
        jax.grad(lambda logits: _divergence(logits, leash))(logits),
        atol=1e-9,
    )


def test_reinforce_compares_with_the_other_traces_of_the_prompt():
    rewards = jnp.asarray([[1.0, 2.0, 6.0], [4.0, 4.0, 4.0]])
    found = advantages(rewards, "reinforce")
    np.testing.assert_allclose(found, [[1 - 4, 2 - 3.5, 6 - 1.5], [0, 0, 0]], atol=1e-9)


def test_grpo_standardises_within_the_group():
    rewards = jnp.asarray([[1.0, 2.0, 6.0], [4.0, 4.0, 4.0]])
    found = advantages(rewards, "grpo")
    np.testing.assert_allclose(found[0], (rewards[0] - 3.0) / (rewards[0].std() + 1e-4))
    np.testing.assert_array_equal(found[1], np.zeros(3))


# The leash is KL unless chi-square is asked for.
@pytest.mark.long
@pytest.mark.parametrize("leash", [{}, {"leash": "chi2"}], ids=["kl", "chi2"])
def test_the_policy_climbs_towards_what_the_verifier_likes_as_far_as_the_leash_goes(leash):
    config = TransformerConfig(vocabulary=6, outputs=3, length=7, layers=1, width=8, heads=1)
    base = init(jax.random.key(0), config)
    verifier = init(jax.random.key(1), verifier_config(config))
    # A verifier that likes token 2, and looks at the present token only.
    table = jnp.zeros_like(verifier["tokens"]["embedding"]).at[2, 0].set(8.0)
    verifier = jax.tree.map(jnp.zeros_like, verifier)
    verifier["tokens"]["embedding"] = table
    verifier["norm"]["scale"] = jnp.ones_like(verifier["norm"]["scale"])
    verifier["head"]["kernel"] = verifier["head"]["kernel"].at[0, 0].set(3.0)
    for block in verifier["blocks"].values():
        block["attention_norm"]["scale"] = jnp.ones_like(block["attention_norm"]["scale"])
    prompts = jnp.asarray([[3, 4], [5, 3]], jnp.int32)
    plan = TrainingPlan(steps=60, batch=4, peak_rate=0.02, warmup=0, weight_decay=0.0)

    def share_of_twos(params):
        repeated = jnp.tile(prompts, (100, 1))
        traces, _ = sample(jax.random.key(5), params, config, repeated, 5)
        return float(jnp.mean(traces == 2))

    policies = {
        penalty: policy_gradient(
            base, verifier, config, prompts, horizon=5, method="grpo", **leash,
            penalty=penalty, plan=plan, group=6, key=jax.random.key(3),
        )[0]
        for penalty in (0.0, 10.0)
    }  # fmt: skip
    before = share_of_twos(base)
    assert share_of_twos(policies[0.0]) > before + 0.4
    assert abs(share_of_twos(policies[10.0]) - before) < 0.15
