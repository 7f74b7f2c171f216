"""Lemma 6: Gibbs tilts in exact arithmetic, the KL ball's expert against duality and its limits.

At beta = ln q with a rational q and whole returns every density ratio q^R / Z is rational; only the
divergence takes a logarithm, in 50 decimal digits.
"""

from decimal import Decimal, localcontext
from fractions import Fraction
from math import log

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from verigap.theory import (
    RewardLaw,
    chi2_ball_expert,
    gibbs_expert,
    kl_ball_expert,
    kl_saturation_radius,
    policy_kl,
    top_share_coverage,
)
from verigap.theory.arrays import host_array

pytestmark = [pytest.mark.smoke, pytest.mark.usefixtures("unchecked_annotations")]

K = 6
Law = dict[int, Fraction]
# Ties, zero-probability atoms (also at the ends), point masses and heavy tops all occur.
returns = st.lists(st.integers(0, 16), min_size=K, max_size=K).map(sorted)
weights = st.one_of(
    st.lists(st.integers(0, 8), min_size=K, max_size=K).filter(any),
    st.lists(st.integers(0, 1), min_size=K, max_size=K).filter(any),
    st.lists(st.integers(1, 2), min_size=K - 1, max_size=K - 1).map(lambda low: [*low, 500]),
    st.lists(st.integers(1, 500), min_size=K - 1, max_size=K - 1).map(lambda low: [*low, 1]),
)
# From tilts too weak to see to nearly all mass on the best return.
bases = st.one_of(
    st.fractions(Fraction(101, 100), 4, max_denominator=100),
    st.integers(4, 12).map(lambda digits: 1 + Fraction(1, 10**digits)),
)


def host_law(support: list[int], mass: list[int]) -> RewardLaw:
    return RewardLaw(host_array(support), host_array(np.asarray(mass) / sum(mass)))


def exact_law(support: list[int], mass: list[int]) -> Law:
    """Distinct charged returns with their exact probabilities."""
    merged: Law = {}
    for r, w in zip(support, mass, strict=True):
        if w:
            merged[r] = merged.get(r, Fraction(0)) + Fraction(w, sum(mass))
    return merged


def mean_of(law: Law, ratio: dict[int, Fraction]) -> Fraction:
    return sum((p * ratio[r] * r for r, p in law.items()), Fraction(0))


def tilt_of(law: Law, base: Fraction) -> dict[int, Fraction]:
    total = sum(p * base**r for r, p in law.items())
    return {r: base**r / total for r in law}


def nats(law: Law, ratio: dict[int, Fraction]) -> float:
    """KL(policy || base)."""
    with localcontext() as context:
        context.prec = 50

        def decimal(x: Fraction) -> Decimal:
            return Decimal(x.numerator) / Decimal(x.denominator)

        terms = [decimal(p * ratio[r]) * decimal(ratio[r]).ln() for r, p in law.items() if ratio[r]]
        return float(sum(terms, Decimal(0)))


@given(returns, weights, bases)
def test_a_tilt_is_what_fractions_say(support, mass, base):
    law, exact = host_law(support, mass), exact_law(support, mass)
    ratio = tilt_of(exact, base)
    # log1p, as a base may be 1 + 1e-12.
    found = gibbs_expert(law, float(np.log1p(float(base - 1))))
    mean = sum((p * r for r, p in exact.items()), Fraction(0))
    assert float(found.value) == pytest.approx(float(mean_of(exact, ratio)), rel=1e-12)
    assert float(found.gain) == pytest.approx(float(mean_of(exact, ratio) - mean), rel=1e-11)
    second = sum((p * ratio[r] ** 2 for r, p in exact.items()), Fraction(0))
    assert float(found.chi2) == pytest.approx(float(second - 1), rel=1e-11)
    # E w^2 = Z(2 beta) / Z(beta)^2.
    once, twice = (sum(p * base ** (k * r) for r, p in exact.items()) for k in (1, 2))
    assert second == twice / once**2
    for r, p, w, excess in zip(support, mass, found.density_ratio, found.ratio_excess, strict=True):
        assert float(w) == pytest.approx(float(ratio[r]) if p else 0.0, rel=1e-11)
        assert float(excess) == pytest.approx(float(ratio[r] - 1) if p else -1.0, rel=1e-9, abs=0)
    spread = sum(p * ratio[r] * (r - mean_of(exact, ratio)) ** 2 for r, p in exact.items())
    assert float(found.sd) ** 2 == pytest.approx(float(spread), rel=1e-10, abs=1e-12)


@given(returns, weights, bases)
def test_the_expert_of_its_divergence_is_the_tilt(support, mass, base):
    law, exact = host_law(support, mass), exact_law(support, mass)
    ratio = tilt_of(exact, base)
    radius = nats(exact, ratio)
    expert = kl_ball_expert(law, radius)
    mean = sum((p * r for r, p in exact.items()), Fraction(0))
    gain = float(mean_of(exact, ratio) - mean)
    # Where nearly all mass is on top, the divergence hardly changes with the temperature.
    assert float(expert.gain) == pytest.approx(gain, rel=1e-10)
    assert float(policy_kl(law, expert.density_ratio)) == pytest.approx(radius, rel=1e-10)
    assert float(law.probabilities @ expert.density_ratio) == pytest.approx(1.0, rel=1e-12)


@given(returns, weights, st.lists(st.integers(0, 5), min_size=K, max_size=K), bases)
def test_no_policy_of_the_ball_is_better(support, mass, raw, base):
    law, exact = host_law(support, mass), exact_law(support, mass)
    chosen = dict(zip(exact, raw, strict=False))
    total = sum(p * chosen[r] for r, p in exact.items())
    assume(total > 0)
    ratio = {r: chosen[r] / total for r in exact}
    value, radius = float(mean_of(exact, ratio)), nats(exact, ratio)
    # Weak duality at every temperature, and strong duality at the expert's.
    partition = log(sum(p * base**r for r, p in exact.items()))
    beta = float(np.log1p(float(base - 1)))
    dual = (radius + partition) / beta
    slack = 1e-9 * (1 + 1 / beta)
    assert value <= dual + slack
    expert = kl_ball_expert(law, radius)
    assert value - 1e-9 <= float(expert.value) <= dual + slack


@given(returns, weights, st.floats(0.0, 30.0))
def test_a_chi_square_ball_lies_in_a_kl_ball(support, mass, radius):
    law = host_law(support, mass)
    inner = chi2_ball_expert(law, radius)
    assert float(policy_kl(law, inner.density_ratio)) <= np.log1p(radius) + 1e-12
    assert float(kl_ball_expert(law, np.log1p(radius)).value) >= float(inner.value) - 1e-9


@given(returns, weights, st.floats(0.0, 1.0))
def test_coverage_falls_at_least_as_fast_as_the_radius_grows(support, mass, share):
    law = host_law(support, mass)
    radius = share * float(kl_saturation_radius(law))
    level = kl_ball_expert(law, radius).value
    assert float(top_share_coverage(law, level)) <= np.exp(-radius) * (1 + 1e-9)


def test_the_atoms_of_the_page():
    """docs/theory.md, Numbers."""
    law = host_law([0, 0, 0, 4, 8, 10, 12, 16], [1] * 8)
    expert = kl_ball_expert(law, log(2.0))
    assert float(expert.value) == pytest.approx(12.869, abs=5e-4)
    assert float(expert.chi2) == pytest.approx(1.731, abs=5e-4)
    assert float(top_share_coverage(law, expert.value)) == pytest.approx(0.3485, abs=5e-5)
    ratio = expert.density_ratio
    assert log(ratio[-1] / ratio[0]) / 16 == pytest.approx(0.2375, abs=5e-5)
    assert float(kl_ball_expert(law, log(1.2)).value) == pytest.approx(9.765, abs=5e-4)
    assert float(kl_saturation_radius(law)) == pytest.approx(log(8.0))


LAWS = {
    "generic": ([0.0, 1.0, 4.0, 6.0, 11.0, 16.0], [0.1, 0.25, 0.2, 0.2, 0.15, 0.1]),
    "ties": ([0.0, 0.0, 4.0, 4.0, 9.0, 9.0], [0.1, 0.2, 0.2, 0.1, 0.3, 0.1]),
    "holes": ([0.0, 1.0, 4.0, 6.0, 11.0, 16.0], [0.0, 0.5, 0.0, 0.4, 0.1, 0.0]),
    "two-level": ([0.0, 0.0, 0.0, 8.0, 8.0, 8.0], [0.5, 0.0, 0.0, 0.0, 0.0, 0.5]),
    "heavy top": ([0.0, 1.0, 2.0, 3.0, 4.0, 5.0], [0.002, 0.002, 0.002, 0.002, 0.002, 0.99]),
    "rare top": ([0.0, 0.0, 1.0, 2.0, 3.0, 4096.0], [0.4, 0.3, 0.1, 0.1, 0.099999, 1e-6]),
    "close top": ([0.0, 0.0, 1.0, 2.0, 4095.0, 4096.0], [0.4, 0.3, 0.1, 0.1, 0.09999, 1e-5]),
    "point mass": ([0.0, 3.0, 3.0, 3.0, 8.0, 9.0], [0.0, 0.5, 0.25, 0.25, 0.0, 0.0]),
}
RADII = np.array(
    [0.0, 1e-15, 1e-9, 1e-3, 0.01, 0.1, 0.5, 0.69, 0.7, 1.0, 2.2, 2.31, 5.0, 9.0, 13.8, 1e3]
)
named = pytest.mark.parametrize("name", LAWS)


def law_named(name: str, dtype=jnp.float64) -> RewardLaw:
    atoms, mass = LAWS[name]
    return RewardLaw(jnp.array(atoms, dtype), jnp.array(mass, dtype))


def value(support, probabilities, radius):
    return kl_ball_expert(RewardLaw(support, probabilities), radius).value


along_radii = jax.jit(jax.vmap(kl_ball_expert, in_axes=(None, 0)))
gradients = jax.jit(jax.vmap(jax.grad(value, argnums=(0, 1, 2)), in_axes=(None, None, 0)))


@named
def test_limits(name):
    law = law_named(name)
    most = float(kl_saturation_radius(law))
    top = np.asarray(law.probabilities) * (np.asarray(law.atoms) == float(law.maximum))
    alone = np.where(top > 0, 1.0 / top.sum(), 0.0)
    nothing, *beyond = (
        kl_ball_expert(law, radius) for radius in (0.0, most, most * (1 + 1e-9), most + 1e3)
    )
    charged = np.asarray(law.probabilities) > 0
    assert float(nothing.gain) == float(nothing.chi2) == 0.0
    if most > 0:
        np.testing.assert_array_equal(nothing.density_ratio, np.where(charged, 1.0, 0.0))
    for expert in beyond:
        np.testing.assert_allclose(expert.density_ratio, alone, rtol=1e-12)
        assert float(expert.value) == float(law.maximum)
        assert float(expert.gain) == pytest.approx(float(law.headroom))
        assert float(expert.sd) == 0.0
    # Just inside, the tilt is nearly there, and lies in the ball.
    inside = kl_ball_expert(law, most * (1 - 1e-6))
    assert float(inside.value) == pytest.approx(float(law.maximum), rel=1e-5)
    assert float(policy_kl(law, inside.density_ratio)) <= most


@named
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_expert_is_found_and_lies_on_its_sphere(name, dtype):
    law = law_named(name, dtype)
    most = float(kl_saturation_radius(law))
    radii = jnp.concatenate([jnp.asarray(RADII), jnp.geomspace(1e-12, 20.0, 200)]).astype(dtype)
    found = along_radii(law, radii)
    assert found.value.dtype == dtype
    assert all(np.isfinite(part).all() for part in found)
    divergence = np.asarray(jax.vmap(policy_kl, in_axes=(None, 0))(law, found.density_ratio))
    wanted = np.minimum(np.asarray(radii), most)
    # A ratio near 1 keeps few digits of its logarithm.
    eps = float(jnp.finfo(dtype).eps)
    np.testing.assert_allclose(divergence, wanted, rtol=1e4 * eps, atol=10 * eps)
    order = np.argsort(np.asarray(radii))
    assert (np.diff(np.asarray(found.value)[order]) >= -1e3 * eps * float(law.maximum)).all()


@named
def test_float32_is_float64_rounded(name):
    wide, narrow = law_named(name), law_named(name, jnp.float32)
    # The law that float32 sees.
    same = RewardLaw(narrow.support.astype(float), narrow.probabilities.astype(float))
    del wide
    radii = jnp.asarray(RADII)
    exact, rounded = along_radii(same, radii), along_radii(narrow, radii.astype(jnp.float32))
    np.testing.assert_allclose(rounded.gain, exact.gain, rtol=2e-4, atol=1e-12)
    np.testing.assert_allclose(rounded.chi2, exact.chi2, rtol=2e-3, atol=1e-12)


@named
def test_numpy_and_jax_agree(name):
    law = law_named(name)
    host = RewardLaw(host_array(law.support), host_array(law.probabilities))
    for radius, *found in zip(RADII, *along_radii(law, jnp.asarray(RADII)), strict=True):
        for ours, theirs in zip(kl_ball_expert(host, float(radius)), found, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-12)


@named
def test_value_is_concave_in_the_radius(name):
    radii = jnp.linspace(0.0, 3.0, 301)
    values = np.asarray(along_radii(law_named(name), radii).value)
    scale = 1 + np.abs(values).max()
    assert (np.diff(values) >= -1e-12 * scale).all()
    assert (np.diff(values, 2) <= 1e-11 * scale).all()


@named
def test_no_gradient_is_infinite_or_nan_anywhere(name):
    law = law_named(name)
    most = kl_saturation_radius(law)[None]
    radii = jnp.concatenate([jnp.asarray(RADII), most, most * (1 - 1e-9)])
    for slope in gradients(law.support, law.probabilities, radii):
        assert np.isfinite(slope).all()


@named
def test_gradients(name):
    law = law_named(name)
    most = float(kl_saturation_radius(law))
    if most == 0.0:
        return
    for radius in (0.01 * most, 0.3 * most, 0.9 * most):
        expert = kl_ball_expert(law, radius)
        at = (law.support, law.probabilities, jnp.asarray([radius]))
        by_support, by_mass, by_radius = (np.asarray(slope[0]) for slope in gradients(*at))
        # By the envelope theorem: beta is the price of a nat, and w p that of a token.
        # From the two best returns, as the ratio of the worst may underflow.
        atoms = np.asarray(law.atoms)[np.asarray(law.probabilities) > 0]
        ratio = np.asarray(expert.density_ratio)[np.asarray(law.probabilities) > 0]
        second = np.flatnonzero(atoms < atoms[-1])[-1]
        beta = np.log(ratio[-1] / ratio[second]) / (atoms[-1] - atoms[second])
        assert by_radius == pytest.approx(1 / beta, rel=1e-6)
        share = np.asarray(law.probabilities * expert.density_ratio)
        np.testing.assert_allclose(by_support, share, rtol=1e-6, atol=1e-9)
        # Along a direction that keeps the sum of the probabilities.
        charged = np.flatnonzero(np.asarray(law.probabilities) > 1e-3)[[0, -1]]
        step = np.zeros(K)
        step[charged] = [1e-6, -1e-6]
        up, down = (
            float(value(law.support, law.probabilities + sign * step, radius)) for sign in (1, -1)
        )
        assert by_mass @ step == pytest.approx((up - down) / 2, rel=1e-4, abs=1e-12)
