"""The expert as a function: concave, differentiable, batched, and sound in float32."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from verigap.theory.experts import (
    ceiling_radius,
    chi2_ball_expert,
    chi2_ceiling,
    saturation_radius,
)
from verigap.theory.laws import RewardLaw

pytestmark = pytest.mark.smoke

K = 6
LAWS = {
    "generic": ([0.0, 1.0, 4.0, 6.0, 11.0, 16.0], [0.1, 0.25, 0.2, 0.2, 0.15, 0.1]),
    "ties": ([0.0, 0.0, 4.0, 4.0, 9.0, 9.0], [0.1, 0.2, 0.2, 0.1, 0.3, 0.1]),
    "holes": ([0.0, 1.0, 4.0, 6.0, 11.0, 16.0], [0.0, 0.5, 0.0, 0.4, 0.1, 0.0]),
    "two-level": ([0.0, 0.0, 0.0, 8.0, 8.0, 8.0], [0.5, 0.0, 0.0, 0.0, 0.0, 0.5]),
    "heavy top": ([0.0, 1.0, 2.0, 3.0, 4.0, 5.0], [0.002, 0.002, 0.002, 0.002, 0.002, 0.99]),
    "rare top": ([0.0, 0.0, 1.0, 2.0, 3.0, 4096.0], [0.4, 0.3, 0.1, 0.1, 0.099999, 1e-6]),
    "point mass": ([0.0, 3.0, 3.0, 3.0, 8.0, 9.0], [0.0, 0.5, 0.25, 0.25, 0.0, 0.0]),
}
RADII = np.array([0.0, 1e-9, 1e-3, 0.1, 0.7, 1.0, 2.5, 9.0, 1e3, 1e7])
named = pytest.mark.parametrize("name", LAWS)


def law_named(name, dtype=jnp.float64):
    atoms, mass = LAWS[name]
    return RewardLaw(jnp.array(atoms, dtype), jnp.array(mass, dtype))


def value(support, probabilities, radius):
    return chi2_ball_expert(RewardLaw(support, probabilities), radius).value


value_of = jax.jit(value)
along_radii = jax.jit(jax.vmap(chi2_ball_expert, in_axes=(None, 0)))
gradients = jax.jit(jax.vmap(jax.grad(value, argnums=(0, 1, 2)), in_axes=(None, None, 0)))


@named
def test_value_is_concave_and_rising_in_the_root_of_the_radius(name):
    roots = jnp.linspace(0.0, 4.0, 401)
    values = np.asarray(along_radii(law_named(name), roots**2).value)
    scale = 1 + np.abs(values).max()
    assert (np.diff(values) >= -1e-12 * scale).all()
    assert (np.diff(values, 2) <= 1e-11 * scale).all()
    ceiling = [float(chi2_ceiling(law_named(name), float(s) ** 2)) for s in roots[::100]]
    assert (values[::100] <= np.array(ceiling) + 1e-10 * scale).all()


weights = st.lists(st.integers(0, 8), min_size=K, max_size=K).filter(any)


@given(weights, st.floats(0, 3), st.floats(0, 3), st.floats(0, 1))
def test_concavity_on_random_laws(mass, first, second, share):
    law = (jnp.array(LAWS["generic"][0]), jnp.array(mass) / sum(mass))
    middle = share * first + (1 - share) * second
    low, high, between = (float(value_of(*law, s**2)) for s in (first, second, middle))
    assert between >= share * low + (1 - share) * high - 1e-9


@named
def test_no_gradient_is_infinite_or_nan_anywhere(name):
    law = law_named(name)
    ends = jnp.stack([saturation_radius(law), jnp.minimum(ceiling_radius(law), 1e6)])
    radii = jnp.concatenate([jnp.asarray(RADII), ends])
    for slope in gradients(law.support, law.probabilities, radii):
        assert np.isfinite(slope).all()


@named
def test_gradients_at_the_centre_and_beyond_saturation(name):
    law = law_named(name)
    radii = jnp.array([0.0, 1e9])
    support, _, radius = gradients(law.support, law.probabilities, radii)
    # The value moves like sqrt(kappa) at 0: its one-sided slope is infinite, and 0 is returned.
    np.testing.assert_array_equal(radius, [0.0, 0.0])
    np.testing.assert_allclose(support[0], law.probabilities, atol=1e-12)
    at_top = np.asarray((law.support == law.maximum) & (law.probabilities > 0))
    top = np.where(at_top, law.probabilities, 0)
    np.testing.assert_allclose(support[1], top / top.sum(), atol=1e-9)


@pytest.mark.parametrize("radius", [0.05, 0.6, 1.3, 2.2, 4.0])
def test_gradients_agree_with_finite_differences(radius):
    law, step = law_named("generic"), 1e-5
    support, _, slope = (g[0] for g in gradients(*LAWS_AS_ARRAYS, jnp.array([radius])))
    up, down = (value_of(*LAWS_AS_ARRAYS, radius + s) for s in (step, -step))
    np.testing.assert_allclose(slope, (up - down) / (2 * step), rtol=1e-6)
    for i in range(K):
        bump = step * jnp.eye(K)[i]
        high = value_of(law.support + bump, law.probabilities, radius)
        low = value_of(law.support - bump, law.probabilities, radius)
        np.testing.assert_allclose(support[i], (high - low) / (2 * step), rtol=1e-5, atol=1e-8)
    # Envelope theorem: moving a return earns its expert probability.
    expert = chi2_ball_expert(law, radius)
    np.testing.assert_allclose(support, law.probabilities * expert.density_ratio, atol=1e-10)


LAWS_AS_ARRAYS = tuple(jnp.array(part) for part in LAWS["generic"])


@named
def test_float32_agrees_with_float64(name):
    wide = along_radii(law_named(name), jnp.asarray(RADII))
    narrow = along_radii(law_named(name, jnp.float32), jnp.asarray(RADII, jnp.float32))
    scale = float(law_named(name).maximum)
    for rounded in narrow:
        assert rounded.dtype == jnp.float32
        assert np.isfinite(rounded).all()
    np.testing.assert_allclose(narrow.value, wide.value, rtol=2e-4, atol=2e-6 * scale)


def test_float32_without_x64():
    law, radius = law_named("generic", jnp.float32), np.float32(0.7)
    expected = float(value_of(*LAWS_AS_ARRAYS, 0.7))
    with jax.enable_x64(False):
        narrow = chi2_ball_expert(law, jnp.asarray(radius)).value
        assert narrow.dtype == jnp.float32
        assert float(narrow) == pytest.approx(expected, rel=1e-6)


def test_a_batch_of_prompts_equals_one_prompt_at_a_time():
    atoms = jnp.stack([jnp.array(atoms) for atoms, _ in LAWS.values()])
    mass = jnp.stack([jnp.array(mass) for _, mass in LAWS.values()])
    batch = chi2_ball_expert(RewardLaw(atoms, mass), 0.7)
    assert batch.density_ratio.shape == (len(LAWS), K)
    for row, name in enumerate(LAWS):
        single = chi2_ball_expert(law_named(name), 0.7)
        np.testing.assert_allclose(batch.value[row], single.value, rtol=1e-13)
        np.testing.assert_allclose(batch.density_ratio[row], single.density_ratio, atol=1e-12)
    each = chi2_ball_expert(RewardLaw(atoms, mass), jnp.linspace(0.1, 2.0, len(LAWS)))
    np.testing.assert_allclose(
        each.value[0], value_of(*LAWS_AS_ARRAYS, 0.1), rtol=1e-12, err_msg="one radius a prompt"
    )
