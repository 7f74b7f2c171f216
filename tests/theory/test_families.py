"""Families of reward laws against scipy.stats and closed forms."""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special, stats

from verigap.theory.families import (
    beta_geometric_hitting_time,
    from_first_correct,
    from_hitting_time_pmf,
    from_returns,
    geometric_hitting_time,
    mixture,
    negative_binomial_hitting_time,
    two_level,
)
from verigap.theory.laws import RewardLaw
from verigap.theory.rewards import NEVER

HORIZON = 32
TIMES = np.arange(1, HORIZON + 1)


def assert_law_of_hitting_time(law, pmf, **tolerance):
    """`law` is the law of (H - T + 1)_+ with P(T = t) = pmf[t - 1]."""
    probabilities = np.asarray(law.probabilities)
    np.testing.assert_array_equal(law.support, np.arange(HORIZON + 1))
    np.testing.assert_allclose(probabilities[..., :0:-1], pmf, **tolerance)
    np.testing.assert_allclose(probabilities[..., 0], 1 - np.sum(pmf, axis=-1), atol=1e-6)
    np.testing.assert_allclose(probabilities.sum(axis=-1), 1.0, rtol=1e-6)


def test_two_level_has_the_moments_it_is_named_by():
    law = two_level(jnp.array([4.0, 7.0]), jnp.array([4.0, 0.0]))
    np.testing.assert_array_equal(law.support, [[0, 8], [7, 7]])
    np.testing.assert_array_equal(law.mean, [4, 7])
    np.testing.assert_array_equal(law.sd, [4, 0])


def test_hitting_time_law_turns_times_into_returns():
    law = from_hitting_time_pmf(jnp.array([0.5, 0.25, 0.125]))
    np.testing.assert_array_equal(law.support, [0, 1, 2, 3])
    np.testing.assert_array_equal(law.probabilities, [0.125, 0.125, 0.25, 0.5])


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
def test_geometric_agrees_with_scipy(dtype):
    rates = np.array([0.01, 0.3, 0.9])
    law = geometric_hitting_time(jnp.asarray(rates, dtype), HORIZON)
    assert law.probabilities.dtype == dtype
    rtol = 1e-11 if dtype == jnp.float64 else 1e-4
    assert_law_of_hitting_time(law, stats.geom.pmf(TIMES, rates[:, None]), rtol=rtol)


def test_geometric_at_the_ends():
    law = geometric_hitting_time(jnp.array([0.0, 1.0]), HORIZON)
    np.testing.assert_array_equal(law.mean, [0, HORIZON])
    np.testing.assert_array_equal(law.variance, [0, 0])


def test_beta_geometric_is_a_beta_mixture_of_geometrics():
    law = beta_geometric_hitting_time(jnp.array([0.5, 2.0]), jnp.array([3.0, 1.5]), HORIZON)
    for row, (alpha, beta) in enumerate([(0.5, 3.0), (2.0, 1.5)]):
        nodes, mass = special.roots_jacobi(60, beta - 1, alpha - 1)
        rates, mass = (nodes + 1) / 2, mass / mass.sum()
        pmf = mass @ stats.geom.pmf(TIMES, rates[:, None])
        assert_law_of_hitting_time(RewardLaw(law.support, law.probabilities[row]), pmf, rtol=1e-9)


def test_negative_binomial_agrees_with_scipy():
    needed, rates = np.array([1.0, 3.0, 2.5]), np.array([0.2, 0.5, 0.4])
    law = negative_binomial_hitting_time(jnp.asarray(needed), jnp.asarray(rates), HORIZON)
    failures = TIMES - np.ceil(needed)[:, None]
    pmf = stats.nbinom.pmf(failures, needed[:, None], rates[:, None])
    assert_law_of_hitting_time(law, pmf, rtol=1e-9)
    geometric = geometric_hitting_time(jnp.array(0.2), HORIZON)
    np.testing.assert_allclose(law.probabilities[0], geometric.probabilities, atol=1e-13)


def test_mixture_mixes_and_wants_one_support():
    parts = geometric_hitting_time(jnp.array([0.1, 0.7]), HORIZON)
    law = mixture(parts, jnp.array([0.25, 0.75]))
    expected = 0.25 * parts.probabilities[0] + 0.75 * parts.probabilities[1]
    np.testing.assert_allclose(law.probabilities, expected)
    with pytest.raises(ValueError, match="share one support"):
        mixture(two_level(jnp.array([2.0, 3.0]), jnp.array([1.0, 1.0])), jnp.array([0.5, 0.5]))


def test_laws_of_observed_returns_count():
    law = from_returns(jnp.array([[0, 0, 3, 4], [4, 4, 4, 4]]), 4)
    np.testing.assert_array_equal(law.probabilities, [[0.5, 0, 0, 0.25, 0.25], [0, 0, 0, 0, 1]])
    times = jnp.array([[NEVER, 5, 2, 1], [1, 1, 1, 1]])
    same = from_first_correct(times, 4)
    np.testing.assert_array_equal(same.probabilities, law.probabilities)
