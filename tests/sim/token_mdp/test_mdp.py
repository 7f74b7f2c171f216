"""The token MDP's dynamic programmes against enumeration, and Lemma 1 without rounding."""

from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from tests.sim.token_mdp import oracles as oracle
from tests.statistics import assert_fits
from verigap.sim.token_mdp.mdp import (
    TokenPolicy,
    TokenReward,
    occupancy,
    q_values,
    return_law,
    state_values,
    token_heterogeneity,
    trace_law,
    trace_returns,
    value,
)
from verigap.sim.token_mdp.random_instances import dyadic_policy, random_policy, random_reward
from verigap.sim.token_mdp.traces import draw_traces, log_trace_law, policy_of_traces
from verigap.sim.token_mdp.tree import TokenTree
from verigap.theory.rewards import check_bilevel

seeds = st.integers(0, 2**32 - 1)
shapes = st.sampled_from(oracle.SHAPES)


def drawn(seed, shape, make=random_policy):
    """A policy, a reference and a reward."""
    prompts, vocabulary, horizon = shape
    tree, generator = TokenTree(vocabulary, horizon), np.random.default_rng(seed)
    policy, reference = (make(generator, prompts, tree) for _ in range(2))
    return tree, policy, reference, random_reward(generator, prompts, tree)


def exactly(array):
    return [Fraction(float(v)) for v in np.ravel(array)]


@given(seeds, shapes)
def test_lemma_1_and_everything_else_without_rounding(seed, shape):
    """Probabilities k/8 keep every intermediate number of the code a short dyadic rational."""
    tree, policy, reference, reward = drawn(seed, shape, dyadic_policy)
    q, v = q_values(reference, reward), state_values(reference, reward)
    reach, law = occupancy(policy), return_law(policy, reward)
    own = exactly(token_heterogeneity(policy, policy, reward))
    other = exactly(token_heterogeneity(policy, reference, reward))
    spread = exactly(law.variance)
    for x in range(shape[0]):
        pi, nu = oracle.table(policy, x), oracle.table(reference, x)
        correct = oracle.correct_prefixes(reward, x)
        pmf = oracle.brute_return_law(tree, pi, correct)
        assert exactly(law.probabilities[x]) == pmf
        # Lemma 1.
        assert own[x] == spread[x] == oracle.variance(pmf)
        assert other[x] == oracle.brute_heterogeneity(tree, pi, nu, correct)
        for i, state in enumerate(oracle.states(tree)):
            values = [
                oracle.action_value(tree, nu, correct, state, a) for a in range(tree.vocabulary)
            ]
            assert exactly(q[x, i]) == values
            expected = sum(p * w for p, w in zip(nu[state], values, strict=True))
            assert Fraction(float(v[x, i])) == expected
            assert Fraction(float(reach[x, i])) == sum(
                oracle.chance(pi, t) for t in oracle.traces(tree) if t[: len(state)] == state
            )


@given(seeds, shapes)
def test_any_probabilities(seed, shape):
    tree, policy, _, reward = drawn(seed, shape)
    law = trace_law(policy)
    returns = trace_returns(reward)
    distribution = return_law(policy, reward)
    own = token_heterogeneity(policy, policy, reward)
    np.testing.assert_allclose(own, distribution.variance, atol=1e-12)
    np.testing.assert_allclose(value(policy, reward), distribution.mean, atol=1e-12)
    for x in range(shape[0]):
        pi, correct = oracle.table(policy, x), oracle.correct_prefixes(reward, x)
        every = oracle.traces(tree)
        np.testing.assert_allclose(law[x], [float(oracle.chance(pi, t)) for t in every], atol=1e-14)
        assert returns[x].tolist() == [oracle.paid(correct, t) for t in every]
        steps = [[t[: h + 1] in correct for h in range(tree.horizon)] for t in every]
        check_bilevel(np.array(steps, int))


@given(seeds, shapes)
def test_a_law_over_traces_and_a_policy_say_the_same(seed, shape):
    _, policy, fallback, _ = drawn(seed, shape)
    law = trace_law(policy)
    # Only proportions count, and a prefix without traces falls back.
    back = policy_of_traces(3.0 * law, fallback)
    np.testing.assert_allclose(trace_law(back), law, atol=1e-14)
    reached = np.asarray(occupancy(policy)) > 0
    rows = np.where(reached[..., None], policy.probabilities, fallback.probabilities)
    np.testing.assert_allclose(back.probabilities, rows, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(np.exp(log_trace_law(policy)), law, rtol=1e-12)


@pytest.mark.smoke
def test_the_largest_tree():
    tree, policy, reference, reward = drawn(5, (1, 4, 8))
    law, returns = trace_law(policy), trace_returns(reward)
    assert law.shape == (1, 4**8)
    assert tree.tokens()[-2].tolist() == [3] * 7 + [2]
    np.testing.assert_allclose(jnp.sum(law), 1.0)
    earned = jnp.sum(law * returns.astype(law.dtype))
    np.testing.assert_allclose(value(policy, reward)[0], earned, rtol=1e-12)
    distribution = return_law(policy, reward)
    counted = np.bincount(np.ravel(returns), weights=np.ravel(law), minlength=9)
    np.testing.assert_allclose(distribution.probabilities[0], counted, atol=1e-14)
    spread = jnp.sum(law * (returns.astype(law.dtype) - earned) ** 2)
    np.testing.assert_allclose(token_heterogeneity(policy, policy, reward)[0], spread, rtol=1e-10)
    assert not np.allclose(token_heterogeneity(policy, reference, reward)[0], spread)


def test_a_hand_computed_case():
    """Token 1 at once is right; after token 0 the second token decides."""
    policy = TokenPolicy.checked(np.array([[[0.75, 0.25], [0.5, 0.5], [1.0, 0.0]]]))
    reward = TokenReward.checked(np.array([[[0, 1], [0, 1], [1, 1]]]))
    assert trace_returns(reward).tolist() == [[0, 1, 2, 2]]
    assert q_values(policy, reward).tolist() == [[[0.5, 2.0], [0.0, 1.0], [1.0, 1.0]]]
    assert value(policy, reward).tolist() == [0.875]
    assert return_law(policy, reward).probabilities.tolist() == [[0.375, 0.375, 0.25]]
    # 0.75 (0.5 - 0.875)^2 + 0.25 (2 - 0.875)^2 = 0.421875 at the root, 0.75/4 after token 0.
    assert token_heterogeneity(policy, policy, reward).tolist() == [0.609375]


def test_drawn_traces_follow_the_law():
    tree, policy, _, _ = drawn(3, (2, 3, 3))
    law = jnp.array([0.3, 0.7])
    prompts, traces = draw_traces(np.random.default_rng(0), law, trace_law(policy), (200, 100))
    seen = np.bincount((prompts * tree.traces + traces).ravel(), minlength=2 * tree.traces)
    joint = np.ravel(law[:, None] * trace_law(policy))
    assert not seen[joint == 0].any()
    kept = joint > 0
    assert_fits(stats.chisquare(seen[kept], joint[kept] / joint.sum() * seen.sum()), "traces")


def test_single_precision():
    with jax.enable_x64(False):
        _, policy, reference, reward = drawn(7, (2, 2, 3))
        own = token_heterogeneity(policy, policy, reward)
        assert own.dtype == jnp.float32
        np.testing.assert_allclose(own, return_law(policy, reward).variance, rtol=1e-5)
        assert q_values(reference, reward).dtype == jnp.float32


def test_bad_input_is_named():
    with pytest.raises(ValueError, match=r"vocabulary is 5, not in 1\.\.4"):
        TokenTree(5, 2)
    with pytest.raises(ValueError, match=r"horizon is 9, not in 1\.\.8"):
        TokenTree(2, 9)
    with pytest.raises(ValueError, match="no horizon has 4 states over 2 tokens"):
        TokenPolicy.checked(np.full((1, 4, 2), 0.5))
    with pytest.raises(ValueError, match=r"not \(prompts, states, tokens\)"):
        TokenPolicy.checked(np.full((3, 2), 0.5))
    with pytest.raises(ValueError, match=r"row's sum differs from 1 by 0\.2"):
        TokenPolicy.checked(np.full((1, 3, 2), 0.6))
    with pytest.raises(ValueError, match="negative or not a finite"):
        TokenPolicy.checked(np.array([[[1.5, -0.5]]]))
    with pytest.raises(ValueError, match="prefix 2 is correct but not after token 1"):
        TokenReward.checked(np.array([[[0, 1], [0, 0], [1, 0]]]))
    with pytest.raises(ValueError, match=r"not \(prompts, states, tokens\)"):
        TokenReward.checked(np.ones((1, 2)))
