"""Reward laws: moments against exact arithmetic, and the checks on data."""

from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from verigap.theory.laws import RewardLaw

K = 5
returns = st.lists(st.integers(0, 20), min_size=K, max_size=K).map(sorted)
weights = st.lists(st.integers(0, 9), min_size=K, max_size=K).filter(any)


def law_of(support, probabilities):
    return RewardLaw.checked(np.asarray(support), np.asarray(probabilities))


@jax.jit
def summary(law):
    return law.mean, law.variance, law.sd, law.minimum, law.maximum


@given(returns, weights)
def test_moments_agree_with_fractions(support, mass):
    law = law_of(support, np.array(mass) / sum(mass))
    mean = Fraction(sum(r * w for r, w in zip(support, mass, strict=True)), sum(mass))
    square = Fraction(sum(r * r * w for r, w in zip(support, mass, strict=True)), sum(mass))
    charged = [r for r, w in zip(support, mass, strict=True) if w]
    variance = float(square - mean**2)
    expected = [float(mean), variance, variance**0.5, min(charged), max(charged)]
    # A point mass leaves a variance of the size of squared rounding; its root is of rounding size.
    np.testing.assert_allclose(summary(law), expected, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize(
    ("support", "mass", "message"),
    [
        ([], [], "at least one return"),
        (3.0, 1.0, "at least one return"),
        ([0.0, 1.0], [0.2, 0.3, 0.5], "does not fit"),
        ([[0.0, 1.0], [0.0, 2.0]], [0.5, 0.5], "does not fit"),
        ([0.0, np.inf], [0.5, 0.5], "not a finite number"),
        ([0.0, np.nan], [0.5, 0.5], "not a finite number"),
        ([1.0, 0.0], [0.5, 0.5], "ascending"),
        ([0.0, 1.0], [-0.1, 1.1], "negative or not a finite"),
        ([0.0, 1.0], [np.nan, 1.0], "negative or not a finite"),
        ([0.0, 1.0], [0.5, 0.49], r"sum to 0\.99, not 1"),
        ([0.0, 1.0], [[0.5, 0.5], [0.5, 0.7]], r"sum to 1\.2, not 1"),
    ],
)
def test_checked_refuses(support, mass, message):
    with pytest.raises(ValueError, match=message):
        law_of(support, mass)


def test_checked_forgives_rounding_and_repairs_it():
    law = law_of([0, 1, 2], [0.3333333, 0.3333333, 0.3333333])
    assert float(jnp.sum(law.probabilities)) == pytest.approx(1.0, abs=1e-15)
    with pytest.raises(ValueError, match="sum to"):
        law_of([0, 1, 2], [0.333333, 0.333333, 0.333332])


def test_equiprobable_sorts_every_row():
    law = RewardLaw.equiprobable(jnp.array([[3.0, 1.0, 2.0], [0.0, 5.0, 5.0]]))
    np.testing.assert_array_equal(law.support, [[1, 2, 3], [0, 5, 5]])
    np.testing.assert_allclose(law.probabilities, 1 / 3)


def test_one_support_serves_all_prompts():
    shared = law_of([0.0, 4.0], [[0.5, 0.5], [0.25, 0.75]])
    assert shared.support.shape == (2,)
    np.testing.assert_array_equal(shared.atoms, [[0, 4], [0, 4]])
    np.testing.assert_allclose(shared.mean, [2, 3])
    np.testing.assert_allclose(shared.variance, [4, 3])


def test_expectation_under_a_density_ratio():
    law = law_of([0.0, 2.0, 8.0], [0.5, 0.25, 0.25])
    np.testing.assert_allclose(law.expectation(jnp.array([0.0, 1.0, 3.0])), 0.25 * 2 + 0.75 * 8)
    np.testing.assert_allclose(law.expectation(jnp.ones(3)), law.mean)


def test_passes_through_jit_and_vmap_as_a_pytree():
    law = law_of([[0.0, 4.0], [1.0, 2.0]], [[0.5, 0.5], [0.5, 0.5]])
    np.testing.assert_allclose(jax.vmap(lambda one: one.variance)(law), [4.0, 0.25])
    assert len(jax.tree.leaves(law)) == 2


def test_sd_has_gradient_zero_at_a_point_mass():
    def sd(support):
        return RewardLaw(support, jnp.array([0.5, 0.5])).sd

    np.testing.assert_array_equal(jax.grad(sd)(jnp.array([3.0, 3.0])), [0.0, 0.0])
    np.testing.assert_allclose(jax.grad(sd)(jnp.array([2.0, 4.0])), [-0.5, 0.5])


def test_float32_stays_float32_and_close():
    wide = law_of(np.arange(9.0), np.arange(1.0, 10.0) / 45)
    narrow = jax.tree.map(lambda leaf: leaf.astype(jnp.float32), wide)
    for exact, rounded in zip(summary(wide), summary(narrow), strict=True):
        assert rounded.dtype == jnp.float32
        np.testing.assert_allclose(rounded, exact, rtol=1e-6)
