"""Experts of the token MDP: they are what they claim to be, and nothing in the ball is better."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.sim.token_mdp import oracles as oracle
from verigap.sim.token_mdp.classes import (
    class_log_laws,
    class_returns,
    class_values,
    expert_class,
    member_policy,
    member_reward,
    mixture,
    policy_class,
    reward_class,
)
from verigap.sim.token_mdp.experts import expert_coverage, ratio_of_traces, token_expert
from verigap.sim.token_mdp.mdp import return_law, token_heterogeneity, trace_law, value
from verigap.sim.token_mdp.random_instances import random_policy
from verigap.sim.token_mdp.traces import reweighted
from verigap.theory import top_share_policy

seeds = st.integers(0, 2**32 - 1)
# One, as each is compiled anew: two prompts, three tokens, two steps.
SHAPE = oracle.SHAPES[1]
radii = st.sampled_from([0.0, 0.05, 0.5, 2.0, 30.0])


@given(seeds, radii)
def test_the_expert_is_the_best_policy_of_its_ball(seed, radius):
    instance = oracle.instance_of(seed, SHAPE)
    expert = token_expert(instance.base, instance.truth, radius)
    base, law = np.asarray(trace_law(instance.base)), np.asarray(trace_law(expert.policy))
    np.testing.assert_allclose(law, base * expert.density_ratio, atol=1e-12)
    np.testing.assert_allclose(expert.policy.probabilities.sum(-1), 1.0, atol=1e-12)
    # In the ball, with the value and, by Lemma 1, the variance that the return law says.
    chi2 = np.sum(base * (np.asarray(expert.density_ratio) - 1.0) ** 2, axis=-1)
    assert (chi2 <= radius * (1 + 1e-9) + 1e-12).all()
    np.testing.assert_allclose(value(expert.policy, instance.truth), expert.value, atol=1e-9)
    own = token_heterogeneity(expert.policy, expert.policy, instance.truth)
    np.testing.assert_allclose(own, expert.variance, atol=1e-8)
    # No better policy: E[wR] <= a + sqrt((1 + kappa) E(R - a)_+^2) for every a (Lemma 3, part 4).
    returns = np.asarray(class_returns(instance.rewards))[0]
    for a in np.linspace(-5.0, SHAPE[2], 41):
        rest = np.sum(base * np.maximum(returns - a, 0.0) ** 2, axis=-1)
        assert (expert.value <= a + np.sqrt((1.0 + radius) * rest) + 1e-9).all()


@given(seeds)
def test_other_policies_are_no_better_than_the_expert_of_their_radius(seed):
    instance = oracle.instance_of(seed, SHAPE)
    base = np.asarray(trace_law(instance.base))
    law = return_law(instance.base, instance.truth)
    # Within the base's support, since elsewhere the radius is infinite.
    other = random_policy(np.random.default_rng(seed), SHAPE[0], instance.base.tree)
    rows = np.where(instance.base.probabilities > 0, other.probabilities + 1e-3, 0.0)
    other = type(other)(jnp.asarray(rows / rows.sum(-1, keepdims=True)))
    ratio = np.asarray(trace_law(other)) / np.where(base > 0, base, 1.0)
    chi2 = np.sum(base * (ratio - 1.0) ** 2, axis=-1)
    earned = value(other, instance.truth)
    assert (earned <= law.mean + law.sd * np.sqrt(chi2) + 1e-9).all()
    for x, radius in enumerate(chi2):
        expert = token_expert(instance.base, instance.truth, float(radius))
        assert earned[x] <= expert.value[x] + 1e-9


@given(seeds, radii)
def test_top_shares_dominate_experts(seed, radius):
    """Lemma 4 for autoregressive policies."""
    instance = oracle.instance_of(seed, SHAPE)
    share = expert_coverage(instance.base, instance.truth, radius)
    best = top_share_policy(return_law(instance.base, instance.truth), share)
    ratio = ratio_of_traces(best, instance.truth)
    assert (ratio <= 1.0 / share[:, None] + 1e-9).all()
    dominating = reweighted(instance.base, ratio)
    expert = token_expert(instance.base, instance.truth, radius)
    assert (value(dominating, instance.truth) >= expert.value - 1e-9).all()


@pytest.mark.smoke
def test_classes_are_their_members():
    instance = oracle.instance_of(11, SHAPE)
    experts = expert_class(instance.base, instance.rewards, 0.5)
    again = [
        token_expert(instance.base, member_reward(instance.rewards, j), 0.5).policy
        for j in range(4)
    ]
    stacked = policy_class(again)
    np.testing.assert_allclose(experts.probabilities, stacked.probabilities, atol=1e-12)
    singles = [member_reward(instance.rewards, j) for j in range(4)]
    assert (reward_class(singles).correct == instance.rewards.correct).all()
    values = class_values(experts, instance.truth)
    logs = class_log_laws(experts)
    for j in range(4):
        np.testing.assert_allclose(values[j], value(again[j], instance.truth), atol=1e-12)
        np.testing.assert_allclose(jnp.exp(logs[j]), trace_law(again[j]), atol=1e-14)
    alone = mixture(experts, jnp.array([0.0, 0.0, 1.0, 0.0]), instance.base)
    np.testing.assert_allclose(trace_law(alone), trace_law(member_policy(experts, 2)), atol=1e-14)


@given(seeds)
def test_a_mixture_earns_the_average(seed):
    instance = oracle.instance_of(seed, SHAPE)
    experts = expert_class(instance.base, instance.rewards, 0.5)
    weights = jnp.asarray(np.random.default_rng(seed).dirichlet(np.ones(4)))
    mixed = value(mixture(experts, weights, instance.base), instance.truth)
    np.testing.assert_allclose(mixed, weights @ class_values(experts, instance.truth), atol=1e-9)


def test_a_wide_ball_holds_the_policy_that_is_always_best():
    instance = oracle.instance_of(2, SHAPE)
    law = return_law(instance.base, instance.truth)
    expert = token_expert(instance.base, instance.truth, 1e6)
    np.testing.assert_allclose(expert.value, law.maximum, atol=1e-9)
    still = token_expert(instance.base, instance.truth, 0.0)
    np.testing.assert_allclose(trace_law(still.policy), trace_law(instance.base), atol=1e-12)
    assert jax.tree.structure(still.policy) == jax.tree.structure(instance.base)
