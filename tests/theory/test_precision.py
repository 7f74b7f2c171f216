"""Bounds in float32 err to the safe side, ties know the dtype, and narrow types warn."""

import warnings
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import Array

from verigap.theory import RewardLaw, Setting, chi2_ball_expert
from verigap.theory.bounds import BOUNDS
from verigap.theory.bounds.vf_lower import expert_gain, vf_lower
from verigap.theory.lattices import label_lattice, likelihood_lattice
from verigap.theory.precision import (
    PrecisionWarning,
    rounded_down,
    rounded_up,
    tie_tolerance,
    to_resolution,
)

SETTINGS = 400


@jax.jit
@jax.vmap
def build(atoms: Array, horizon: Array, n: Array, d: Array, tilt: Array) -> Setting:
    return Setting.from_law(
        RewardLaw.equiprobable(atoms),
        horizon=horizon,
        data_budget=n,
        log2_class_size=d,
        chi2_radius=tilt**2,
        expert_radius=tilt**2,
        num_candidates=4.0,
        label_error=0.01,
        label_noise=0.1,
        reward_error=0.5,
        misspecification=0.02,
    )


def random_settings(seed: int, prompts: int, traces: int) -> Setting:
    """Settings in float32: laws at the ends of [0, H] or nearly points, weak and strong experts."""
    rng = np.random.default_rng(seed)
    horizon = 2.0 ** rng.integers(1, 21, SETTINGS)
    shares = rng.random((SETTINGS, prompts, traces))
    if (prompts, traces) == (1, 2):
        shares[:, 0] = [0.0, 1.0]
    width = 10.0 ** rng.uniform(-3.0, 0.0, SETTINGS)
    shares = 1.0 - width[:, None, None] * (1.0 - shares)
    columns = (
        shares * horizon[:, None, None],
        horizon,
        2.0 ** rng.integers(0, 25, SETTINGS),
        rng.choice([1.0, 4.0, 10.0, 40.0, 200.0], SETTINGS),
        10.0 ** rng.uniform(-3.5, 0.5, SETTINGS),
    )
    return build(*(jnp.asarray(column, jnp.float32) for column in columns))


def widened(setting: Setting) -> Setting:
    return jax.tree.map(lambda leaf: leaf.astype(jnp.float64), setting)


@jax.jit
@jax.vmap
def values(setting: Setting) -> dict[str, Array]:
    return {name: bound.value(setting) for name, bound in BOUNDS.items()}


@pytest.mark.long
@pytest.mark.parametrize(("prompts", "traces"), [(1, 2), (1, 6), (3, 4)])
def test_float32_stays_on_the_safe_side(prompts: int, traces: int) -> None:
    setting = random_settings(prompts + traces, prompts, traces)
    narrow, wide = values(setting), values(widened(setting))
    unsafe = {}
    for name, bound in BOUNDS.items():
        if name == "VB-UPPER-PLUG-IN":
            continue  # Its coverage jumps where J* passes a return; test_policies has the slack.
        low, high = np.asarray(narrow[name], np.float64), np.asarray(wide[name])
        # What is nearer to 0 than any number of float32 is 0 there.
        least = float(np.finfo(np.float32).tiny)
        wrong = low > high + least if bound.direction == "lower" else low < high - least
        worst = np.flatnonzero(wrong)[:3]
        if wrong.any():
            unsafe[name] = (int(wrong.sum()), low[worst], high[worst])
    assert not unsafe


def two_level(dtype: str) -> Setting:
    return Setting.from_law(
        RewardLaw.equiprobable(jnp.asarray([[0.0, 2.0**20]], dtype)),
        horizon=2.0**20,
        data_budget=2.0**24,
        log2_class_size=200.0,
        chi2_radius=1.0,
        expert_radius=1e-6,
    )


def test_a_weak_expert_of_a_long_horizon() -> None:
    # The gain is 2^19 times 1/1000, in float32 less than 17,000 roundings of the mean.
    setting = two_level("float32")
    assert float(vf_lower(widened(setting))) == pytest.approx(524.2880, abs=2e-3)
    assert 524.28 < float(vf_lower(setting)) <= float(vf_lower(widened(setting)))


@pytest.mark.parametrize("radius", [0.01, 0.2, 2.0, 10.0])
def test_four_nearly_equal_returns(radius: float) -> None:
    # Close to 2^20 float32 has sixteen numbers a token.
    atoms = jnp.asarray([[0.0, 0.25, 0.3125, 0.625]], jnp.float32) + 2.0**20 - 1.0
    law = RewardLaw.equiprobable(atoms)
    wide = jax.tree.map(lambda leaf: leaf.astype(jnp.float64), law)
    narrow, exact = chi2_ball_expert(law, radius), chi2_ball_expert(wide, radius)
    np.testing.assert_allclose(law.variance, wide.variance, rtol=1e-6)
    np.testing.assert_allclose(law.headroom, wide.maximum - wide.mean, rtol=1e-6)
    np.testing.assert_allclose(narrow.gain, exact.value - wide.mean, rtol=2e-6)
    np.testing.assert_allclose(narrow.chi2, exact.chi2, rtol=4e-6)
    np.testing.assert_allclose(exact.ratio_excess, exact.density_ratio - 1.0, atol=1e-12)


def test_the_gain_has_a_gradient() -> None:
    def gain(radius: Array) -> Array:
        return expert_gain(replace(two_level("float32"), expert_radius=radius))

    slope = jax.grad(gain)(jnp.asarray(1e-6, jnp.float32))
    assert float(slope) == pytest.approx(2.0**19 / (2 * 1e-3), rel=1e-5)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_rounding_keeps_sign_and_infinity(dtype: str) -> None:
    numbers = jnp.asarray([-3.0, 0.0, 2.0, np.inf], dtype)
    below, above = rounded_down(numbers), rounded_up(numbers)
    assert below.dtype == above.dtype == dtype
    assert (below[:3] <= numbers[:3]).all()
    assert (above >= numbers).all()
    assert float(below[1]) == float(above[1]) == 0.0
    np.testing.assert_allclose(below[:3], above[:3], rtol=100 * float(jnp.finfo(dtype).eps))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_scores_that_differ_by_rounding_tie(dtype: str) -> None:
    eps = float(jnp.finfo(dtype).eps)
    score = jnp.asarray([0.3, 0.3 + 4 * eps, 0.3 - 4 * eps, 0.31], dtype)
    for scale in (1.0, 100.0):
        tied = np.asarray(to_resolution(scale * score, scale))
        assert tied.dtype == dtype
        assert len(set(tied[:3])) == 1 < len(set(tied))
    assert tie_tolerance(jnp.dtype(dtype)) >= 64 * eps


@pytest.mark.parametrize("traced", [False, True])
def test_lattices_of_general_laws_warn_in_float32(traced: bool) -> None:
    law = RewardLaw.equiprobable(jnp.asarray([[0.0, 1.0, 3.0]], jnp.float32))
    ratio = chi2_ball_expert(law, 0.2).density_ratio

    def likelihood(budget: Array) -> Array:
        return likelihood_lattice(law, ratio, budget[None], 64).log_ratio

    def labels(budget: Array) -> Array:
        return label_lattice(law, budget, 64).values

    for lattice in (likelihood, labels):
        with pytest.warns(PrecisionWarning, match="needs float64, was called in float32"):
            (jax.jit(lattice) if traced else lattice)(jnp.asarray(4.0, jnp.float32))


def test_no_warning_in_float64() -> None:
    law = RewardLaw.equiprobable(jnp.asarray([[0.0, 1.0, 3.0]]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        label_lattice(law, jnp.asarray(4.0), 64)
