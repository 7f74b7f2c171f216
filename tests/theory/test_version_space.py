"""Exact risks of version-space learners against enumeration of labels and survivors."""

import itertools
from fractions import Fraction
from math import comb, pi, sqrt

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from verigap.theory.lattices import label_lattice
from verigap.theory.laws import RewardLaw
from verigap.theory.risks.hard_prompts import (
    hard_prompt_mass,
    hard_prompts_vb_risk,
    hard_prompts_vf_risk,
)
from verigap.theory.risks.version_space import (
    plug_in_risk,
    survivor_share,
    two_level_agreement,
    two_level_pessimistic_gain,
)

labels_of = jax.jit(label_lattice, static_argnums=2)
share_of = jax.jit(survivor_share)
gain_of = jax.jit(two_level_pessimistic_gain)
CELLS = 1 << 12


def number(value):
    return jnp.asarray(float(value))


def exact_survivor_share(levels, data_budget, size):
    """E[1/(S+1)] over label sequences and S ~ Binomial(size - 1, q), in fractions."""
    total = Fraction(0)
    for labels in itertools.product(levels, repeat=data_budget):
        q = Fraction(1)
        for chance in labels:
            q *= chance
        total += q * sum(
            (comb(size - 1, s) * q**s * (1 - q) ** (size - 1 - s) / (s + 1) for s in range(size)),
            Fraction(0),
        )
    return total


@pytest.mark.parametrize(("data_budget", "log2_size"), [(1, 3), (3, 3), (4, 5), (2, 6)])
def test_survivor_share_against_enumeration(data_budget, log2_size):
    # Returns 0, 0, 5, 9: levels of probability 1/2, 1/4, 1/4.
    law = RewardLaw.equiprobable(jnp.array([0.0, 0.0, 5.0, 9.0]))
    levels = [Fraction(1, 2), Fraction(1, 4), Fraction(1, 4)]
    exact = exact_survivor_share(levels, data_budget, 2**log2_size)
    labels = labels_of(law, number(data_budget), CELLS)
    share = float(share_of(labels, number(log2_size)))
    assert share == pytest.approx(float(exact), rel=2e-3)
    gain = float(plug_in_risk(labels, number(log2_size), number(2.0), number(3.0)))
    assert gain == pytest.approx(2.0 - 3.0 * share)


def test_survivor_share_of_a_skewed_law_by_types():
    law = RewardLaw.equiprobable(jnp.array([0.0] * 7 + [8.0]))
    size, exact = 2**8, Fraction(0)
    for hits in range(17):
        q = Fraction(7, 8) ** (16 - hits) * Fraction(1, 8) ** hits
        exact += comb(16, hits) * q * (1 - (1 - q) ** size) / (size * q)
    computed = share_of(labels_of(law, number(16), CELLS), number(8))
    assert float(computed) == pytest.approx(float(exact), abs=1e-3)
    assert float(exact) == pytest.approx(0.596, abs=5e-4)


def test_two_level_labels_leave_one_chance():
    law = RewardLaw.equiprobable(jnp.array([0.0, 8.0]))
    for data_budget, log2_size in [(5, 5), (30, 40), (60, 20)]:
        labels = labels_of(law, number(data_budget), CELLS)
        share = float(share_of(labels, number(log2_size)))
        q, size = 0.5**data_budget, 2.0**log2_size
        exact = -np.expm1(size * np.log1p(-q)) / (size * q)
        assert share == pytest.approx(exact, rel=1e-9)


def test_huge_classes_are_finite():
    law = RewardLaw.equiprobable(jnp.array([0.0, 1.0, 2.0, 8.0]))
    shares = [
        float(share_of(labels_of(law, number(n), CELLS), number(200))) for n in (10, 100, 300)
    ]
    assert np.isfinite(shares).all()
    assert shares[0] < 1e-30
    assert shares[-1] > 0.999


def exact_agreement(count):
    """E|sum of `count` fair signs| / count, by enumeration of the signs."""
    return Fraction(
        sum(abs(sum(signs)) for signs in itertools.product((-1, 1), repeat=count)),
        count * 2**count,
    )


def test_agreement_against_all_signs():
    exact = [float(exact_agreement(m)) for m in range(1, 13)]
    np.testing.assert_allclose(two_level_agreement(jnp.arange(12.0)), exact, rtol=1e-12)
    far = float(two_level_agreement(number(1e6)))
    assert far == pytest.approx(sqrt(2 / (pi * 1e6)), rel=1e-5)


@pytest.mark.parametrize("log2_size", [0, 1, 3, 6])
@pytest.mark.parametrize("data_budget", [1, 2, 5])
@pytest.mark.parametrize("coverage", [Fraction(1, 4), Fraction(1, 2), Fraction(3, 4), Fraction(1)])
def test_pessimistic_gain_in_fractions(log2_size, data_budget, coverage):
    size, q = 2**log2_size, Fraction(1, 2**data_budget)
    exact = Fraction(0)
    for others in range(size):
        chance = comb(size - 1, others) * q**others * (1 - q) ** (size - 1 - others)
        exact += chance * Fraction(comb(others, others // 2), 2**others)
    exact *= 3 * min(1 / coverage - 1, Fraction(1))
    computed = gain_of(number(data_budget), number(log2_size), number(3), number(coverage))
    assert float(computed) == pytest.approx(float(exact), rel=1e-10, abs=1e-12)


def test_best_share_of_summed_returns_is_what_the_formula_multiplies():
    # Two traces with m survivors' summed signs +-s: the best c-share earns |s| min(1, 1/c - 1).
    for coverage in (Fraction(1, 3), Fraction(1, 2), Fraction(2, 3), Fraction(9, 10)):
        earned = Fraction(0)
        for signs in itertools.product((-1, 1), repeat=3):
            best, worst = abs(sum(signs)), -abs(sum(signs))
            taken = min(coverage, Fraction(1, 2))
            earned += (taken * best + (coverage - taken) * worst) / coverage / 3 / 8
        assert earned == exact_agreement(3) * min(1, 1 / coverage - 1)


@pytest.mark.parametrize(("data_budget", "log2_size"), [(17, 20), (20, 30), (5, 16), (12, 23)])
def test_pessimistic_gain_with_many_survivors(data_budget, log2_size):
    trials, q = 2**log2_size - 1, 2.0**-data_budget
    spread = sqrt(trials * q) + 1
    counts = np.arange(max(0, int(trials * q - 12 * spread)), int(trials * q + 20 * spread) + 20)
    expected = stats.binom.pmf(counts, trials, q) @ np.asarray(
        two_level_agreement(jnp.asarray(counts, float))
    )
    computed = gain_of(number(data_budget), number(log2_size), number(1), number(0.5))
    assert float(computed) == pytest.approx(expected, rel=2e-4)


def test_pessimistic_gain_is_monotone_and_continuous_across_its_branches():
    budgets = jnp.arange(1.0, 80.0)
    gains = jax.vmap(lambda n: gain_of(n, number(40), number(1), number(0.5)))(budgets)
    assert np.isfinite(gains).all()
    assert (np.diff(gains) >= -1e-9).all()
    assert float(gains[-1]) == pytest.approx(1.0)
    sizes = jnp.linspace(0.0, 60.0, 241)
    fine = jax.vmap(lambda d: gain_of(number(20), d, number(1), number(0.5)))(sizes)
    assert (np.diff(fine) <= 1e-4).all()
    assert float(gain_of(number(3), number(200), number(1), number(0.5))) < 1e-25


def exact_hard_prompt_risk(horizon, data_budget, prompts, reveal, mass):
    """Average over samples of what is lost on prompts whose bit no sample reveals."""
    total = Fraction(0)
    nothing = prompts
    outcomes = range(prompts + 1)
    chance = [mass * reveal] * prompts + [1 - prompts * mass * reveal]
    for sample in itertools.product(outcomes, repeat=data_budget):
        weight = Fraction(1)
        for outcome in sample:
            weight *= chance[outcome]
        unknown = prompts - len(set(sample) - {nothing})
        total += weight * unknown * mass * Fraction(horizon, 2)
    return total


@pytest.mark.parametrize(("data_budget", "prompts"), [(1, 1), (2, 2), (4, 2), (3, 3)])
@pytest.mark.parametrize("coverage", [Fraction(1, 2), Fraction(1, 5)])
def test_hard_prompts_against_enumeration(data_budget, prompts, coverage):
    mass = Fraction(1, 8)
    verifier = exact_hard_prompt_risk(16, data_budget, prompts, 2 * coverage, mass)
    cloner = exact_hard_prompt_risk(16, data_budget, prompts, 1, mass)
    shared = (number(16), number(data_budget), number(prompts))
    vb = hard_prompts_vb_risk(*shared, number(coverage), number(mass))
    vf = hard_prompts_vf_risk(*shared, number(mass))
    assert float(vb) == pytest.approx(float(verifier), rel=1e-12)
    assert float(vf) == pytest.approx(float(cloner), rel=1e-12)
    assert float(vf) <= float(vb) * (1 + 1e-12)


def test_the_chosen_mass_is_the_hardest_for_verification():
    shared = (number(16), number(50), number(4))
    best = hard_prompt_mass(number(50), number(0.2))
    at = [
        float(hard_prompts_vb_risk(*shared, number(0.2), best * scale))
        for scale in (0.5, 0.9, 0.99, 1.0, 1.01, 1.1, 2.0)
    ]
    assert max(at) == at[3]
