"""Policies as density ratios: best-of-N by enumeration, shares, chi-square projection."""

import itertools
from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from verigap.theory.laws import RewardLaw
from verigap.theory.policies import (
    best_of_n_law,
    best_of_n_policy,
    conditional_policy,
    greedy_policy,
    policy_chi2,
    project_onto_chi2_ball,
    top_share_policy,
)

K = 4
returns = st.lists(st.integers(0, 6), min_size=K, max_size=K).map(sorted)
weights = st.lists(st.integers(0, 6), min_size=K, max_size=K).filter(any)

best_of = jax.jit(best_of_n_policy)
project = jax.jit(project_onto_chi2_ball)
best_share = jax.jit(top_share_policy)


def law_of(support, mass):
    return RewardLaw.checked(np.array(support), np.array(mass) / sum(mass))


def enumerated_best_of(support, mass, samples):
    """Exact chance of each trace to be the pick, ties among the best drawn traces even."""
    chance = [Fraction(w, sum(mass)) for w in mass]
    pick = [Fraction(0)] * K
    for draws in itertools.product(range(K), repeat=samples):
        weight = Fraction(1)
        for i in draws:
            weight *= chance[i]
        best = max(support[i] for i in draws)
        winners = [i for i in draws if support[i] == best]
        for i in winners:
            pick[i] += weight / len(winners)
    return pick


@given(returns, weights, st.integers(1, 4))
def test_best_of_n_agrees_with_enumeration_ties_included(support, mass, samples):
    law = law_of(support, mass)
    ratio = np.asarray(best_of(law, float(samples)))
    pick = [float(v) for v in enumerated_best_of(support, mass, samples)]
    np.testing.assert_allclose(ratio * np.asarray(law.probabilities), pick, atol=1e-13)
    assert (ratio <= samples + 1e-9).all()
    assert (ratio >= 0).all()


def test_best_of_one_is_the_base_and_best_of_very_many_is_greedy():
    law = law_of([0, 2, 2, 5], [3, 1, 2, 2])
    np.testing.assert_allclose(best_of_n_policy(law, 1.0), np.ones(K), rtol=1e-12)
    np.testing.assert_allclose(best_of_n_policy(law, 1e7), greedy_policy(law), atol=1e-12)
    np.testing.assert_allclose(greedy_policy(law), [0, 0, 0, 4])
    assert float(best_of_n_law(law, 1e7).mean) == pytest.approx(5.0)


def test_best_of_n_law_is_the_law_of_the_maximum():
    law = law_of([0, 2, 3, 5], [3, 1, 2, 2])
    cdf = np.cumsum(law.probabilities)
    better = best_of_n_law(law, 7.0)
    np.testing.assert_allclose(np.cumsum(better.probabilities), cdf**7, rtol=1e-12)
    means = [float(best_of_n_law(law, float(n)).mean) for n in (1, 2, 4, 8, 16)]
    assert (np.diff(means) > 0).all()


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
def test_rare_successes_survive_rounding(dtype):
    rare = 1e-9
    law = RewardLaw(jnp.array([0.0, 1.0], dtype), jnp.array([1 - rare, rare], dtype))
    np.testing.assert_allclose(best_of_n_policy(law, 100.0)[1], 100.0, rtol=1e-5)
    np.testing.assert_allclose(best_of_n_policy(law, 1e9)[1] * rare, -np.expm1(-1.0), rtol=1e-5)
    assert np.isfinite(jax.grad(lambda n: best_of_n_policy(law, n)[1])(jnp.asarray(1e9, dtype)))


@given(returns, weights, st.fractions(Fraction(1, 40), 1, max_denominator=40))
def test_top_share_plays_the_best_traces_up_to_the_share(support, mass, share):
    law = law_of(support, mass)
    ratio = np.asarray(best_share(law, float(share)))
    left, expected = share, Fraction(0)
    for r, w in sorted(zip(support, mass, strict=True), reverse=True):
        taken = min(left, Fraction(w, sum(mass)))
        left, expected = left - taken, expected + taken * r
    assert float(law.expectation(jnp.asarray(ratio))) == pytest.approx(float(expected / share))
    assert ratio @ np.asarray(law.probabilities) == pytest.approx(1.0)
    assert ratio.max() <= float(1 / share) * (1 + 1e-12)


def test_conditional_policy_is_the_base_given_the_level():
    law = law_of([0, 2, 3, 5], [3, 1, 2, 2])
    np.testing.assert_allclose(conditional_policy(law, jnp.asarray(2.5)), [0, 0, 2, 2])
    np.testing.assert_allclose(conditional_policy(law, jnp.asarray(2.0)), [0, 1.6, 1.6, 1.6])
    holed = law_of([0, 2, 3, 5], [2, 1, 1, 0])
    np.testing.assert_allclose(conditional_policy(holed, jnp.asarray(2.0)), [0, 2, 2, 0])


@given(
    weights,
    st.lists(st.floats(0, 5), min_size=K, max_size=K),
    st.lists(st.floats(0, 5), min_size=K, max_size=K),
    st.floats(0, 3),
)
def test_projection_is_the_nearest_policy_of_the_ball(mass, first, second, radius):
    law = law_of([0, 1, 2, 3], mass)
    p = np.asarray(law.probabilities)
    assume(min(p @ np.array(first), p @ np.array(second)) > 0.1)
    ratio, other = (np.array(raw) / (p @ np.array(raw)) for raw in (first, second))
    projected = np.asarray(project(law, jnp.asarray(ratio), radius))
    before, after = p @ (ratio - 1) ** 2, p @ (projected - 1) ** 2
    assert after == pytest.approx(min(before, radius), rel=1e-9, abs=1e-12)
    assert p @ projected == pytest.approx(1.0)
    assert (projected[p > 0] >= -1e-12).all()
    if before <= radius:
        np.testing.assert_allclose(projected, ratio, atol=1e-15)
    again = project(law, jnp.asarray(projected), radius)
    np.testing.assert_allclose(again, projected, atol=1e-9)
    # Variational inequality: the angle to any other policy of the ball is not acute.
    inside = np.asarray(project(law, jnp.asarray(other), radius))
    assert p @ ((ratio - projected) * (inside - projected)) <= 1e-9


def test_projection_onto_a_point_is_the_base_and_has_a_gradient():
    law = law_of([0, 1, 2, 3], [1, 1, 1, 1])
    greedy = greedy_policy(law)
    np.testing.assert_allclose(project(law, greedy, 0.0), np.ones(K))
    assert float(policy_chi2(law, greedy)) == pytest.approx(3.0)
    slope = jax.grad(lambda kappa: law.expectation(project(law, greedy, kappa)))(0.75)
    # Gain 1.5 sqrt(kappa / 3), whose derivative at 3/4 is 1/2.
    assert float(slope) == pytest.approx(0.5)
    assert np.isfinite(jax.grad(lambda kappa: project(law, greedy, kappa)[0])(5.0))


def test_policies_are_batched_over_prompts():
    law = RewardLaw.checked(np.arange(4.0), np.array([[0.1, 0.2, 0.3, 0.4], [0.7, 0.1, 0.1, 0.1]]))
    share = jnp.array([0.4, 0.1])
    np.testing.assert_allclose(
        top_share_policy(law, share), [[0, 0, 0, 2.5], [0, 0, 0, 10]], atol=1e-14
    )
    np.testing.assert_allclose(
        conditional_policy(law, jnp.array([3.0, 2.0])), [[0, 0, 0, 2.5], [0, 0, 5, 5]]
    )
    assert best_of_n_policy(law, 3.0).shape == (2, 4)
    assert project_onto_chi2_ball(law, greedy_policy(law), share).shape == (2, 4)
