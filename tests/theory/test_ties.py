"""A winner's share among ties, against exact sums, with class sizes up to 2^200."""

from fractions import Fraction
from math import comb, exp, log, log1p

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from verigap.theory.risks.ties import log_minus_log1p_neg, log_tie_share

share_of = jax.jit(log_tie_share)
twice_log = jax.jit(log_minus_log1p_neg)


def exact_share(chance, size):
    """E[1/(S+1)] summed over S ~ Binomial(size - 1, chance), in fractions."""
    return sum(
        (
            comb(size - 1, s) * chance**s * (1 - chance) ** (size - 1 - s) / (s + 1)
            for s in range(size)
        ),
        Fraction(0),
    )


@given(st.fractions(Fraction(1, 5000), Fraction(4999, 5000)), st.integers(0, 6))
def test_agrees_with_the_sum_over_ties(chance, log2_size):
    exact = float(exact_share(chance, 2**log2_size))
    computed = share_of(jnp.asarray(log(chance)), jnp.asarray(float(log2_size)))
    assert exp(float(computed)) == pytest.approx(exact, rel=1e-9)


def test_certain_ties_are_shared_evenly_and_impossible_ones_not_at_all():
    for log2_size in (0.0, 1.0, 10.0, 200.0):
        size = jnp.asarray(log2_size)
        np.testing.assert_allclose(
            share_of(jnp.asarray(0.0), size), -log2_size * log(2), rtol=1e-9, atol=1e-15
        )
        assert float(share_of(jnp.asarray(-jnp.inf), size)) == 0.0


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
def test_huge_classes_follow_the_poisson_limit(dtype):
    # M = 2^200 and q = rate / M: the share is (1 - e^-rate) / rate.
    rate = np.array([1e-12, 1e-7, 1e-3, 1.0, 30.0])
    log_chance = np.log(rate) - 200 * log(2)
    computed = share_of(jnp.asarray(log_chance, dtype), jnp.asarray(200.0, dtype))
    rtol = 1e-9 if dtype == jnp.float64 else 1e-4
    np.testing.assert_allclose(np.exp(computed), -np.expm1(-rate) / rate, rtol=rtol)
    far = share_of(jnp.asarray([-300 * log(2), -50.0, -1e4], dtype), jnp.asarray(200.0, dtype))
    assert np.isfinite(far).all()
    assert (np.asarray(far) <= 0).all()


def test_double_logarithm_agrees_with_exact_and_survives_underflow():
    for x in (1e-300, 1e-9, 9.99e-4, 1.001e-3, 0.3, 0.999999):
        expected = log(-log1p(-x))
        assert float(twice_log(jnp.asarray(log(x)))) == pytest.approx(expected, rel=1e-9, abs=1e-9)
    assert float(twice_log(jnp.asarray(-1e5))) == -1e5
    assert np.isfinite(twice_log(jnp.asarray([0.0, 1e-9]))).all()


def test_share_falls_with_the_chance_and_the_class():
    chances = jnp.log(jnp.linspace(1e-6, 1.0, 200))
    for size in (1.0, 12.0, 60.0):
        assert (np.diff(share_of(chances, jnp.asarray(size))) <= 1e-12).all()
    sizes = jnp.linspace(0.0, 100.0, 101)
    many = jax.vmap(log_tie_share, in_axes=(None, 0))(jnp.asarray(-20.0), sizes)
    assert (np.diff(many) <= 1e-12).all()
