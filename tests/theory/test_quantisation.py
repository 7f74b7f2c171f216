"""Quantisation to equally likely traces: mean kept, spread shrunk, error the true distance."""

from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from verigap.theory.laws import RewardLaw
from verigap.theory.quantisation import equiprobable_atoms

K, SLICES = 5, 4
returns = st.lists(st.integers(0, 20), min_size=K, max_size=K).map(sorted)
weights = st.lists(st.integers(0, 9), min_size=K, max_size=K).filter(any)
quantise = jax.jit(equiprobable_atoms, static_argnums=1)


def law_of(support, probabilities):
    return RewardLaw.checked(np.asarray(support), np.asarray(probabilities))


def exact_slice_means(support, mass, slices):
    """Means of the quantile slices, by laying out sum(mass) * slices unit cells in order."""
    cells = [r for r, w in zip(support, mass, strict=True) for _ in range(w * slices)]
    size = sum(mass)
    return [Fraction(sum(cells[i * size : (i + 1) * size]), size) for i in range(slices)]


@given(returns, weights)
def test_atoms_are_the_exact_means_of_quantile_slices(support, mass):
    law = law_of(support, np.array(mass) / sum(mass))
    quantised, error = quantise(law, SLICES)
    expected = [float(m) for m in exact_slice_means(support, mass, SLICES)]
    np.testing.assert_allclose(quantised.support, expected, atol=1e-10)
    np.testing.assert_allclose(quantised.probabilities, 1 / SLICES)
    np.testing.assert_allclose(quantised.mean, law.mean, atol=1e-10)
    assert float(quantised.variance) <= float(law.variance) + 1e-9
    distance = stats.wasserstein_distance(support, expected, u_weights=mass)
    np.testing.assert_allclose(error, distance, atol=1e-10)


def test_a_law_of_equally_likely_traces_is_kept():
    law = law_of([0, 4, 8, 16], [0.25, 0.25, 0.25, 0.25])
    same, error = equiprobable_atoms(law, 4)
    np.testing.assert_allclose(same.support, law.support, atol=1e-12)
    assert float(error) == pytest.approx(0.0, abs=1e-12)
    finer, error = equiprobable_atoms(law, 8)
    np.testing.assert_allclose(finer.support, [0, 0, 4, 4, 8, 8, 16, 16], atol=1e-12)
    assert float(error) == pytest.approx(0.0, abs=1e-12)


def test_an_atom_over_a_boundary_is_split():
    quantised, error = equiprobable_atoms(law_of([0.0, 3.0], [1 / 3, 2 / 3]), 2)
    np.testing.assert_allclose(quantised.support, [1.0, 3.0])
    # Lower slice: two thirds at distance 1, one third at distance 2; half of all mass.
    np.testing.assert_allclose(error, 0.5 * (2 / 3 * 1 + 1 / 3 * 2))


def test_batches_and_one_slice():
    law = law_of([0.0, 1.0, 2.0], [[0.2, 0.3, 0.5], [1.0, 0.0, 0.0]])
    quantised, error = equiprobable_atoms(law, 1)
    assert quantised.support.shape == (2, 1)
    np.testing.assert_allclose(quantised.support[:, 0], law.mean)
    assert error.shape == (2,)
    with pytest.raises(ValueError, match="at least 1"):
        equiprobable_atoms(law, 0)


def test_float32_rounding_of_the_cumulated_law_leaves_no_empty_slice():
    mass = np.random.default_rng(3).dirichlet(np.ones(300), size=4)
    law = RewardLaw(jnp.arange(300, dtype=jnp.float32), jnp.asarray(mass, jnp.float32))
    quantised, _ = equiprobable_atoms(law, 64)
    assert quantised.support.dtype == jnp.float32
    assert np.isfinite(quantised.support).all()
    assert (np.diff(quantised.support, axis=-1) >= -1e-3).all()
    np.testing.assert_allclose(quantised.mean, law.mean, rtol=1e-4)
