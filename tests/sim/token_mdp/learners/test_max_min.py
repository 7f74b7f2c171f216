"""Pessimism: a saddle point is certified from both sides in rational arithmetic."""

from fractions import Fraction

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.sim.token_mdp import oracles as oracle
from verigap.sim.token_mdp.classes import class_returns
from verigap.sim.token_mdp.learners.max_min import max_min_policy
from verigap.sim.token_mdp.mdp import return_law, trace_law
from verigap.theory import top_share_policy

seeds = st.integers(0, 2**32 - 1)
coverages = st.sampled_from([0.05, 0.3, 0.5, 1.0])


def parts(seed):
    instance = oracle.instance_of(seed, oracle.SHAPES[1])
    rho = np.asarray(instance.prompt_law)
    return (
        instance,
        rho,
        np.asarray(trace_law(instance.base)),
        np.asarray(class_returns(instance.rewards)),
    )


def exact(array):
    return [Fraction(float(v)) for v in array]


@given(seeds, coverages)
def test_no_policy_does_better_and_no_reward_does_worse(seed, coverage):
    _, rho, base, returns = parts(seed)
    solved = max_min_policy(rho, base, returns, coverage)
    ratio = solved.density_ratio
    assert (ratio >= 0).all()
    assert (ratio <= 1.0 / coverage + 1e-9).all()
    np.testing.assert_allclose((base * ratio).sum(-1), 1.0, atol=1e-9)
    np.testing.assert_allclose(solved.prior.sum(), 1.0, atol=1e-12)
    # From below: what the policy earns under its worst reward.
    floor, ceiling = [], Fraction(0)
    for member in returns:
        terms = zip(rho, base, ratio, member, strict=True)
        floor.append(
            sum(
                Fraction(float(r)) * sum(p * w * int(m) for p, w, m in zip(*row, strict=True))
                for r, *rest in terms
                for row in [(exact(rest[0]), exact(rest[1]), rest[2])]
            )
        )
    # From above: the best that any policy earns on average over the prior.
    prior = exact(solved.prior)
    for r, masses, paid in zip(rho, base, returns.swapaxes(0, 1), strict=True):
        gains = [
            sum((q * int(m) for q, m in zip(prior, column, strict=True)), Fraction(0))
            for column in paid.T
        ]
        best = oracle.best_share_value(exact(masses), gains, Fraction(coverage))
        ceiling += Fraction(float(r)) * best
    assert abs(float(min(floor)) - solved.value) < 1e-9
    assert abs(float(ceiling) - solved.value) < 1e-9


@given(seeds, coverages)
def test_one_reward_needs_no_pessimism(seed, coverage):
    instance, rho, base, returns = parts(seed)
    solved = max_min_policy(rho, base, returns[:1], coverage)
    law = return_law(instance.base, instance.truth)
    best = law.expectation(top_share_policy(law, coverage))
    np.testing.assert_allclose(solved.value, jnp.sum(instance.prompt_law * best), atol=1e-9)


def test_two_opposed_rewards_are_hedged():
    """Two traces, each the favourite of one reward: half of either, whatever ratio is allowed."""
    returns = np.array([[[8, 0, 1]], [[0, 8, 1]]])
    base = np.array([[0.25, 0.25, 0.5]])
    solved = max_min_policy(np.ones(1), base, returns, 0.25)
    np.testing.assert_allclose(solved.density_ratio, [[2.0, 2.0, 0.0]], atol=1e-12)
    np.testing.assert_allclose(solved.prior, [0.5, 0.5], atol=1e-12)
    assert solved.value == pytest.approx(4.0)
    # Trusting the first reward alone would earn 8 under it and 0 under the other.
    trusting = max_min_policy(np.ones(1), base, returns[:1], 0.25)
    np.testing.assert_allclose(trusting.density_ratio, [[4.0, 0.0, 0.0]], atol=1e-12)


def test_a_prompt_where_rewards_agree_makes_up_for_none():
    """Only the sum over prompts counts: the worst reward is one for all prompts together."""
    returns = np.array([[[4, 0], [0, 2]], [[0, 4], [2, 0]]])
    base = np.full((2, 2), 0.5)
    solved = max_min_policy(np.array([0.5, 0.5]), base, returns, 0.5)
    # On the first prompt a mass u on trace 0, on the second v on trace 1; either reward pays
    # (4u + 2v)/2 or (4(1 - u) + 2(1 - v))/2.
    assert solved.value == pytest.approx(1.5)


def test_bad_input_is_named():
    base, returns = np.full((1, 2), 0.5), np.zeros((1, 1, 2))
    with pytest.raises(ValueError, match=r"coverage is 0\.0, not in"):
        max_min_policy(np.ones(1), base, returns, 0.0)
    with pytest.raises(ValueError, match="no reward"):
        max_min_policy(np.ones(1), base, returns[:0], 0.5)
