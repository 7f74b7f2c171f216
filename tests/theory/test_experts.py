"""Lemmas 2 and 3: the ceiling in exact arithmetic, the expert against independent solvers."""

from fractions import Fraction
from typing import Any

import jax
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import optimize

from verigap.theory.experts import (
    ceiling_radius,
    chi2_ball_expert,
    chi2_ceiling,
    saturation_radius,
)
from verigap.theory.laws import RewardLaw

pytestmark = pytest.mark.smoke

K = 6
# Ties, zero-probability atoms (also at the ends), point masses and heavy tops all occur.
returns = st.lists(st.integers(0, 16), min_size=K, max_size=K).map(sorted)
weights = st.one_of(
    st.lists(st.integers(0, 8), min_size=K, max_size=K).filter(any),
    st.lists(st.integers(0, 1), min_size=K, max_size=K).filter(any),
    st.lists(st.integers(1, 2), min_size=K - 1, max_size=K - 1).map(lambda low: [*low, 500]),
)
radii = st.fractions(0, 12, max_denominator=64)

expert_of = jax.jit(chi2_ball_expert)
ends_of = jax.jit(lambda law: (ceiling_radius(law), saturation_radius(law)))


def law_of(support, mass):
    return RewardLaw.checked(np.array(support), np.array(mass) / sum(mass))


def exact_law(support, mass):
    """Distinct charged returns with their exact probabilities."""
    merged: dict[int, Fraction] = {}
    for r, w in zip(support, mass, strict=True):
        if w:
            merged[r] = merged.get(r, Fraction(0)) + Fraction(w, sum(mass))
    return merged


def moments(law):
    mean = sum((p * r for r, p in law.items()), Fraction(0))
    return mean, sum((p * (r - mean) ** 2 for r, p in law.items()), Fraction(0))


@given(returns, weights, st.lists(st.integers(0, 5), min_size=K, max_size=K))
def test_lemma_2_no_policy_exceeds_the_ceiling_exactly(support, mass, tilt):
    law = exact_law(support, mass)
    raw = dict(zip(law, tilt, strict=False))
    total = sum(p * raw[r] for r, p in law.items())
    assume(total > 0)
    ratio = {r: raw[r] / total for r in law}
    mean, variance = moments(law)
    gain = sum(p * ratio[r] * r for r, p in law.items()) - mean
    chi2 = sum(p * ratio[r] ** 2 for r, p in law.items()) - 1
    assert gain**2 <= variance * chi2
    # The same policy cannot beat the computed best of the smallest ball that holds it.
    expert = expert_of(law_of(support, mass), float(chi2))
    assert float(expert.value) >= float(mean + gain) - 1e-9


@given(returns, weights, st.fractions(Fraction(1, 50), 3, max_denominator=60))
def test_lemma_2_ceiling_is_attained_iff_the_radius_allows_it(support, mass, scale):
    law = exact_law(support, mass)
    mean, variance = moments(law)
    assume(variance > 0)
    # The slope t = scale / (mean - min) makes every quantity below rational.
    slope = scale / (mean - min(law))
    radius, ceiling = slope**2 * variance, mean + slope * variance
    threshold = variance / (mean - min(law)) ** 2
    expert = expert_of(law_of(support, mass), float(radius))
    computed_threshold, _ = ends_of(law_of(support, mass))
    assert float(computed_threshold) == pytest.approx(float(threshold), rel=1e-11)
    linear = {r: 1 + slope * (r - mean) for r in law}
    assert sum(p * linear[r] for r, p in law.items()) == 1
    assert sum(p * linear[r] ** 2 for r, p in law.items()) == 1 + radius
    attained = min(linear.values()) >= 0
    assert attained == (radius <= threshold)
    if attained:
        assert float(expert.value) == pytest.approx(float(ceiling), rel=1e-11)
    elif radius > threshold * Fraction(101, 100):
        assert float(expert.value) < float(ceiling) * (1 - 1e-9)
        # A dual point certifies in exact arithmetic that no policy of the ball attains it.
        root = best_dual_point(law, radius)
        spread = sum((p * max(r - root, 0) ** 2 for r, p in law.items()), Fraction(0))
        assert ceiling > root
        assert (1 + radius) * spread < (ceiling - root) ** 2


def best_dual_point(law, radius):
    """A rational near the minimiser of a + sqrt((1 + kappa) E(R - a)_+^2)."""
    atoms = np.array([float(r) for r in law])
    mass = np.array([float(p) for p in law.values()])
    growth = 1 + float(radius)

    def dual(a):
        return a + np.sqrt(growth * np.sum(mass * np.maximum(atoms - a, 0) ** 2))

    width = atoms.max() - atoms.min()
    # The minimiser m - 1/t can lie far below the support when the radius is small.
    low = atoms.max() - width * (2 + 2 / np.sqrt(max(float(radius), 1e-8)) * 10)
    best: Any = optimize.minimize_scalar(
        dual, bounds=(low, atoms.max()), method="bounded", options={"xatol": 1e-12}
    )
    return Fraction(float(best.x))


@given(returns, weights, radii)
def test_lemma_3_weak_and_strong_duality(support, mass, radius):
    law, exact = law_of(support, mass), exact_law(support, mass)
    expert = expert_of(law, float(radius))
    root = best_dual_point(exact, radius)
    spread = sum((p * max(r - root, 0) ** 2 for r, p in exact.items()), Fraction(0))
    upper = float(root) + float((1 + radius) * spread) ** 0.5
    slack = 1e-9 * (1 + abs(float(root)))
    assert float(expert.value) <= upper + slack
    # A minimiser at the very top of the support is only approached by the bounded search.
    assert float(expert.value) >= min(upper, max(exact)) - 1e-6 * (1 + abs(float(root)))


@given(returns, weights, radii)
def test_lemma_3_ratio_satisfies_the_kkt_conditions(support, mass, radius):
    law, exact = law_of(support, mass), exact_law(support, mass)
    expert = expert_of(law, float(radius))
    p, r, w = (np.asarray(v) for v in (law.probabilities, law.atoms, expert.density_ratio))
    assert (w >= 0).all()
    assert (w[p == 0] == 0).all()
    np.testing.assert_allclose(p @ w, 1.0, rtol=1e-10)
    np.testing.assert_allclose(p @ (w * r), expert.value, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(p @ w**2, 1 + expert.chi2, rtol=1e-10)
    deviation = p @ (w * (r - float(expert.value)) ** 2)
    np.testing.assert_allclose(expert.sd**2, deviation, rtol=1e-8, atol=1e-8)
    assert 1 + float(expert.chi2) <= 1 + float(radius) + 1e-9
    charged = p > 0
    ratios, atoms = w[charged], r[charged]
    assert (np.diff(ratios) >= -1e-9).all()
    saturation = float(1 / exact[max(exact)] - 1)
    if len(exact) > 1 and 0 < float(radius) < saturation * (1 - 1e-9):
        np.testing.assert_allclose(1 + expert.chi2, 1 + float(radius), rtol=1e-9)
        # w = b (R - a)_+ for the line through the two best distinct returns.
        top, second = atoms[-1], atoms[atoms < atoms[-1]].max()
        w_top, w_second = ratios[-1], ratios[atoms == second][0]
        if w_second > 1e-9:
            b = (w_top - w_second) / (top - second)
            line = np.maximum(w_top - b * (top - atoms), 0)
            np.testing.assert_allclose(ratios, line, atol=1e-6 * (1 + w_top))


@pytest.mark.parametrize("seed", range(6))
def test_a_general_solver_finds_nothing_better(seed):
    rng = np.random.default_rng(seed)
    atoms, mass = np.sort(rng.uniform(0, 10, 5)), rng.dirichlet(np.ones(5))
    radius = float(rng.uniform(0.05, 2.0))
    expert = expert_of(RewardLaw.checked(atoms, mass), radius)
    solved = optimize.minimize(
        lambda w: -(mass * atoms) @ w,
        np.ones(5),
        jac=lambda w: -mass * atoms,
        bounds=[(0, None)] * 5,
        constraints=[
            {"type": "eq", "fun": lambda w: mass @ w - 1},
            {"type": "ineq", "fun": lambda w: 1 + radius - mass @ w**2},
        ],
        method="SLSQP",
        options={"ftol": 1e-13, "maxiter": 500},
    )
    assert float(expert.value) == pytest.approx(-solved.fun, abs=1e-6)


@given(returns, weights, st.floats(0, 20))
def test_saturation_is_reached_exactly_at_its_radius(support, mass, excess):
    law, exact = law_of(support, mass), exact_law(support, mass)
    top = max(exact)
    _, saturation = ends_of(law)
    assert float(saturation) == pytest.approx(float(1 / exact[top] - 1), rel=1e-12, abs=1e-12)
    beyond = expert_of(law, float(saturation) * (1 + 1e-12) + 1e-12 + excess)
    assert float(beyond.value) == pytest.approx(top, abs=1e-10)
    assert 1 + float(beyond.chi2) == pytest.approx(float(1 / exact[top]), rel=1e-11)
    if len(exact) > 1:
        assert float(expert_of(law, float(saturation) * 0.99).value) < top - 1e-6


def test_point_mass_has_one_policy_at_every_radius():
    law = law_of([0, 0, 5, 5, 9, 9], [0, 0, 1, 2, 0, 0])
    for radius in (0.0, 0.3, 50.0):
        expert = expert_of(law, radius)
        assert float(expert.value) == 5.0
        assert float(expert.sd) == 0.0
        np.testing.assert_allclose(expert.density_ratio, [0, 0, 1, 1, 0, 0])
    assert float(ends_of(law)[0]) == np.inf
    assert float(chi2_ceiling(law, 2.0)) == 5.0
