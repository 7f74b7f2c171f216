"""P(correct) of maximum likelihood against brute force over every outcome of every codeword."""

import itertools
from fractions import Fraction
from functools import partial
from math import comb

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from verigap.theory.binomial_lattices import two_level_cells, two_level_lattice
from verigap.theory.experts import chi2_ball_expert
from verigap.theory.lattices import likelihood_lattice
from verigap.theory.laws import RewardLaw
from verigap.theory.risks.vf_mle import probability_correct, vf_mle_risk

CELLS = 1 << 12


@partial(jax.jit, static_argnums=3)
def likelihood(law, ratio, data_budget, cells):
    """The lattice of a single prompt."""
    one = RewardLaw(law.atoms[None], law.probabilities[None])
    return likelihood_lattice(one, ratio[None], data_budget[None], cells)


correct = jax.jit(probability_correct)


@jax.jit
def small(data_budget, tilt, log2_class_size):
    return probability_correct(
        two_level_lattice(data_budget, tilt, log2_class_size, 64), log2_class_size
    )


@partial(jax.jit, static_argnums=3)
def large(data_budget, tilt, log2_class_size, cells):
    lattice = two_level_lattice(data_budget, tilt, log2_class_size, cells)
    return probability_correct(lattice, log2_class_size)


def two_level_chance(data_budget, tilt, log2_class_size, dtype=jnp.float64):
    assert two_level_cells(data_budget, tilt, log2_class_size) <= CELLS
    parts = (float(data_budget), tilt, log2_class_size)
    return float(large(*(jnp.asarray(part, dtype) for part in parts), CELLS))


def brute_force(steps, expert, base, data_budget, size):
    """P(correct): traces of the true codeword x labels that each wrong codeword gives them."""

    def scores(mass):
        law: dict[Fraction, Fraction] = {}
        for draws in itertools.product(range(len(steps)), repeat=data_budget):
            score, weight = Fraction(1), Fraction(1)
            for i in draws:
                score, weight = score * steps[i], weight * mass[i]
            law[score] = law.get(score, Fraction(0)) + weight
        return law

    total = Fraction(0)
    wrong = scores(base)
    for truth, weight in scores(expert).items():
        for others in itertools.product(wrong, repeat=size - 1):
            if truth < max(others, default=Fraction(-1)):
                continue
            chance = weight
            for other in others:
                chance *= wrong[other]
            total += chance / (1 + others.count(truth))
    return total


@pytest.mark.parametrize(("log2_size", "data_budget"), [(0, 3), (1, 1), (1, 5), (2, 4), (3, 2)])
@pytest.mark.parametrize("tilt", [Fraction(1, 4), Fraction(3, 5), Fraction(1)])
def test_two_level_against_brute_force(log2_size, data_budget, tilt):
    half = Fraction(1, 2)
    steps = [1 + tilt, 1 - tilt]
    expert = [half * s for s in steps]
    exact = brute_force(steps, expert, [half, half], data_budget, 2**log2_size)
    computed = float(small(float(data_budget), float(tilt), float(log2_size)))
    assert computed == pytest.approx(float(exact), rel=1e-12)


@pytest.mark.long
def test_a_tilt_of_one_by_counting():
    # The expert always agrees; a wrong codeword does so with chance 2^-n and then shares.
    for log2_size, data_budget in [(3, 2), (10, 12), (20, 20)]:
        size, q = 2**log2_size, Fraction(1, 2**data_budget)
        exact = (1 - (1 - q) ** size) / (size * q)
        assert two_level_chance(data_budget, 1.0, float(log2_size)) == pytest.approx(
            float(exact), rel=1e-10
        )


def test_general_law_against_brute_force():
    law = RewardLaw.equiprobable(jnp.array([0.0, 3.0, 9.0]))
    ratio = chi2_ball_expert(law, 0.15).density_ratio
    steps = [Fraction(float(w)) for w in ratio]
    third = Fraction(1, 3)
    expert = [third * s for s in steps]
    for log2_size, data_budget in [(1, 1), (1, 3), (2, 2)]:
        exact = brute_force(steps, expert, [third] * 3, data_budget, 2**log2_size)
        lattice = likelihood(law, ratio, jnp.asarray(float(data_budget)), CELLS)
        computed = correct(lattice, jnp.asarray(float(log2_size)))
        # Exact ties are smeared over neighbouring cells, where they are broken at random.
        assert float(computed) == pytest.approx(float(exact), abs=2e-3)


def test_general_law_whose_expert_never_plays_some_traces():
    law = RewardLaw.equiprobable(jnp.array([0.0, 1.0, 2.0, 9.0]))
    ratio = chi2_ball_expert(law, 10.0).density_ratio
    np.testing.assert_allclose(ratio, [0, 0, 0, 4])
    lattice = likelihood(law, ratio, jnp.asarray(3.0), CELLS)
    q, size = 4.0**-3, 2.0**5
    exact = (1 - (1 - q) ** size) / (size * q)
    assert float(correct(lattice, jnp.asarray(5.0))) == pytest.approx(exact, rel=1e-6)


def test_large_classes_are_finite_and_ordered():
    chances = [two_level_chance(4000, 0.2, float(d)) for d in (1, 10, 60, 120, 150, 200)]
    assert np.isfinite(chances).all()
    assert (np.diff(chances) <= 0).all()
    assert chances[0] > 0.999
    assert chances[-1] < 1e-3
    rising = [two_level_chance(n, 0.3, 200.0) for n in (100, 1000, 3000, 6000)]
    assert (np.diff(rising) > 0).all()
    assert rising[-1] > 0.999


def test_one_codeword_is_always_correct():
    assert two_level_chance(17, 0.3, 0.0) == pytest.approx(1.0)


def test_between_the_information_bounds():
    # e^t/M + P(A > t) caps the chance to be right; P(A < t) + M e^-t the chance to be wrong.
    data_budget, tilt, log2_size = 400, 0.3, 20.0
    lattice = jax.jit(two_level_lattice, static_argnums=3)(float(data_budget), tilt, log2_size, 512)
    chance = float(correct(lattice, jnp.asarray(log2_size)))
    ratio, expert = np.asarray(lattice.log_ratio), np.exp(lattice.log_expert)
    for level in (5.0, 10.0, 13.9, 17.0, 25.0):
        assert chance <= expert[ratio > level].sum() + np.exp(level) / 2**log2_size + 1e-12
        assert 1 - chance <= expert[ratio < level].sum() + 2**log2_size * np.exp(-level) + 1e-12


@pytest.mark.parametrize(("data_budget", "tilt", "size"), [(64, 0.22, 12.0), (4096, 0.08, 20.0)])
def test_float32_agrees_with_float64(data_budget, tilt, size):
    wide = two_level_chance(data_budget, tilt, size)
    narrow = two_level_chance(data_budget, tilt, size, jnp.float32)
    assert narrow == pytest.approx(wide, rel=5e-3)


def test_risk_is_the_chance_of_error_times_the_gain():
    lattice = two_level_lattice(jnp.asarray(2.0), jnp.asarray(0.5), jnp.asarray(1.0), 8)
    risk = float(vf_mle_risk(lattice, jnp.asarray(1.0), jnp.asarray(3.0)))
    half, tilt = Fraction(1, 2), Fraction(1, 2)
    exact = brute_force([1 + tilt, 1 - tilt], [half + tilt / 2, half - tilt / 2], [half] * 2, 2, 2)
    assert risk == pytest.approx(float(3 * (1 - exact)))
    by_count = sum(Fraction(comb(2, a), 4) * 3**a / 4 for a in range(3))
    assert by_count == 1


def test_gradient_of_the_risk_is_finite():
    def risk(tilt):
        lattice = two_level_lattice(jnp.asarray(50.0), tilt, jnp.asarray(10.0), 64)
        return vf_mle_risk(lattice, jnp.asarray(10.0), tilt)

    slopes = jax.jit(jax.vmap(jax.grad(risk)))(jnp.array([1e-3, 0.2, 0.7, 0.999]))
    assert np.isfinite(slopes).all()
