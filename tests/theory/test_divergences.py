"""Divergences against scipy, exact fractions, and the inequalities between them."""

from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.spatial import distance

from verigap.theory.divergences import (
    chi2_divergence,
    kl_divergence,
    squared_hellinger,
    total_variation,
)

K = 5
ALL = (chi2_divergence, kl_divergence, squared_hellinger, total_variation)
counts = st.lists(st.integers(0, 9), min_size=K, max_size=K).filter(any)


@jax.jit
def every(first, second):
    return [divergence(first, second) for divergence in ALL]


@given(counts, counts)
def test_agree_with_scipy_and_fractions(first, second):
    p = [Fraction(c, sum(first)) for c in first]
    q = [Fraction(c, sum(second)) for c in second]
    left, right = np.array(p, dtype=float), np.array(q, dtype=float)
    chi2, kl, hellinger, tv = (float(v) for v in every(jnp.asarray(left), jnp.asarray(right)))
    if any(a > 0 and b == 0 for a, b in zip(p, q, strict=True)):
        assert chi2 == np.inf
        assert kl == np.inf
    else:
        exact = sum((a * a / b for a, b in zip(p, q, strict=True) if b), Fraction(0)) - 1
        assert chi2 == pytest.approx(float(exact), rel=1e-12, abs=1e-13)
        assert kl == pytest.approx(float(stats.entropy(left, right)), rel=1e-10, abs=1e-13)
    root = distance.euclidean(np.sqrt(left), np.sqrt(right))
    assert hellinger == pytest.approx(0.5 * root**2, rel=1e-12, abs=1e-15)
    exact_tv = float(sum((abs(a - b) for a, b in zip(p, q, strict=True)), Fraction(0)) / 2)
    assert tv == pytest.approx(exact_tv, rel=1e-12, abs=1e-15)
    # H^2 <= TV <= sqrt(2 H^2), Pinsker, and KL <= ln(1 + chi^2).
    assert hellinger <= tv + 1e-12
    assert tv <= np.sqrt(2 * hellinger) + 1e-12
    assert 2 * tv**2 <= kl + 1e-12
    assert kl <= np.log1p(chi2) + 1e-12


def test_nothing_is_lost_between_equal_laws():
    law = jnp.array([0.1, 0.0, 0.9])
    for divergence in ALL:
        assert float(divergence(law, law)) == 0.0


def test_disjoint_laws_are_as_far_apart_as_can_be():
    first, second = jnp.array([1.0, 0.0]), jnp.array([0.0, 1.0])
    assert [float(v) for v in every(first, second)] == [np.inf, np.inf, 1.0, 1.0]


def test_batched_over_leading_axes_in_float32():
    first = jnp.full((3, 2, 4), 0.25, jnp.float32)
    second = jnp.broadcast_to(jnp.array([0.1, 0.2, 0.3, 0.4], jnp.float32), (3, 2, 4))
    for divergence, wide in zip(
        ALL, every(first[0, 0].astype(float), second[0, 0].astype(float)), strict=True
    ):
        value = divergence(first, second)
        assert value.shape == (3, 2)
        assert value.dtype == jnp.float32
        np.testing.assert_allclose(value, np.full((3, 2), float(wide)), rtol=2e-6)


def test_gradients_are_finite_where_both_laws_vanish():
    second = jnp.array([0.5, 0.5, 0.0])
    for divergence in (chi2_divergence, kl_divergence):
        slope = jax.grad(divergence, argnums=1)(jnp.array([0.2, 0.8, 0.0]), second)
        assert np.isfinite(slope).all()
