"""Lattices of log-likelihood sums against exact laws over types."""

import itertools
from fractions import Fraction
from functools import partial
from math import comb, log

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from verigap.theory.arrays import host_array
from verigap.theory.binomial_lattices import two_level_cells, two_level_lattice
from verigap.theory.experts import chi2_ball_expert
from verigap.theory.families import two_level
from verigap.theory.lattices import (
    expert_steps,
    label_lattice,
    likelihood_lattice,
    step_transforms,
    sum_of_terms,
)
from verigap.theory.laws import RewardLaw
from verigap.theory.risks.vf_mle import probability_correct

lattice_of = jax.jit(two_level_lattice, static_argnums=3)
CELLS = 1 << 13


@partial(jax.jit, static_argnums=3)
def summed(values, probabilities, terms, cells):
    """The sum of draws from one law."""
    return sum_of_terms(
        step_transforms(values[None], probabilities[None], terms, cells), terms[None]
    )


@partial(jax.jit, static_argnums=3)
def likelihood(law, ratio, data_budget, cells):
    """The lattice of a single prompt."""
    one = RewardLaw(law.atoms[None], law.probabilities[None])
    return likelihood_lattice(one, ratio[None], data_budget[None], cells)


def number(value, dtype=jnp.float64):
    return jnp.asarray(value, dtype)


@partial(jax.jit, static_argnums=3)
def mass_and_chance(data_budget, tilt, log2_class_size, cells):
    made = two_level_lattice(data_budget, tilt, log2_class_size, cells)
    return jnp.sum(jnp.exp(made.log_expert)), probability_correct(made, log2_class_size)


def lattice(data_budget, tilt, log2_class_size, cells=None, dtype=jnp.float64):
    if cells is None:
        cells = two_level_cells(data_budget, tilt, log2_class_size)
    return lattice_of(
        number(data_budget, dtype), number(tilt, dtype), number(log2_class_size, dtype), cells
    )


@pytest.mark.parametrize("data_budget", [1, 2, 5])
@pytest.mark.parametrize("tilt", [Fraction(1, 4), Fraction(2, 3), Fraction(1)])
def test_two_level_lattice_is_exact(data_budget, tilt):
    cells = lattice(data_budget, float(tilt), 4.0, cells=8)
    up, down = 1 + tilt, 1 - tilt
    for agreements in range(data_budget + 1):
        ways = Fraction(comb(data_budget, agreements), 2**data_budget)
        ratio = up**agreements * down ** (data_budget - agreements)
        tail = sum(comb(data_budget, a) for a in range(agreements, data_budget + 1))
        assert np.exp(cells.log_ratio[agreements]) == pytest.approx(float(ratio), rel=1e-12)
        assert np.exp(cells.log_base[agreements]) == pytest.approx(float(ways), rel=1e-12)
        assert np.exp(cells.log_expert[agreements]) == pytest.approx(float(ways * ratio), rel=1e-12)
        assert np.exp(cells.log_base_tail[agreements]) == pytest.approx(
            tail / 2**data_budget, rel=1e-12
        )
    assert np.isneginf(cells.log_expert[data_budget + 1 :]).all()
    finite = np.asarray(cells.log_ratio)[np.isfinite(cells.log_ratio)]
    assert (np.diff(finite) > 0).all()


@pytest.mark.parametrize("data_budget", [1, 300, 4096, 65_536])
@pytest.mark.parametrize("tilt", [1e-4, 0.02, 0.2, 0.9, 1.0])
@pytest.mark.parametrize("log2_class_size", [0.0, 10.0, 200.0])
def test_the_window_loses_no_mass_that_matters(data_budget, tilt, log2_class_size):
    cells = two_level_cells(data_budget, tilt, log2_class_size)
    mass, chance = mass_and_chance(float(data_budget), tilt, log2_class_size, cells)
    assert float(mass) == pytest.approx(1.0, abs=1e-9)
    if data_budget <= 4096:
        _, whole = mass_and_chance(float(data_budget), tilt, log2_class_size, 1 << 13)
        assert float(chance) == pytest.approx(float(whole), abs=1e-9)


def test_mass_at_the_edge_of_the_window_is_kept():
    # Here the expert's bulk straddles the window's upper end; the truth always wins.
    for tilt in np.linspace(0.19, 0.26, 36):
        _, chance = mass_and_chance(65_536.0, float(tilt), 10.0, 1 << 14)
        assert float(chance) == pytest.approx(1.0, abs=1e-9)


@pytest.mark.parametrize(("data_budget", "tilt"), [(64, 0.2), (4096, 0.05), (65_536, 0.02)])
def test_two_level_lattice_in_float32(data_budget, tilt):
    narrow = lattice(data_budget, tilt, 40.0, cells=1 << 13, dtype=jnp.float32)
    wide = lattice(data_budget, tilt, 40.0, cells=1 << 13)
    assert narrow.log_expert.dtype == jnp.float32
    np.testing.assert_allclose(
        np.exp(narrow.log_expert), np.exp(wide.log_expert), rtol=3e-3, atol=1e-7
    )
    likely = np.asarray(wide.log_base) > -30
    np.testing.assert_allclose(
        narrow.log_base_tail[likely], wide.log_base_tail[likely], rtol=1e-4, atol=2e-3
    )


def enumerated_sum(values, mass, terms):
    """Exact law of the sum of `terms` draws."""
    law: dict[int, Fraction] = {}
    for draws in itertools.product(range(len(values)), repeat=terms):
        total, weight = 0, Fraction(1)
        for i in draws:
            total, weight = total + values[i], weight * mass[i]
        law[total] = law.get(total, Fraction(0)) + weight
    return law


@pytest.mark.parametrize("terms", [1, 2, 4])
def test_sum_lattice_against_enumeration(terms):
    values, mass = [-3, 0, 1, 10], [Fraction(k, 10) for k in (4, 3, 2, 1)]
    cells = 1 << 12
    grid = summed(jnp.array(values, float), jnp.array(mass, float), number(terms), cells)
    exact = enumerated_sum(values, mass, terms)
    spots, weights = np.asarray(grid.values), np.asarray(grid.probabilities)
    step = spots[1] - spots[0]
    assert weights.sum() == pytest.approx(1.0)
    mean = float(sum(v * p for v, p in exact.items()))
    assert spots @ weights == pytest.approx(mean, abs=1e-9)
    variance = float(sum(v * v * p for v, p in exact.items())) - mean**2
    grown = spots**2 @ weights - mean**2 - variance
    assert -1e-9 <= grown <= terms * step**2 / 4 + 1e-9
    for value, chance in exact.items():
        near = np.abs(spots - value) <= terms * step
        assert weights[near].sum() == pytest.approx(float(chance), abs=1e-12)


def test_sum_lattice_far_out_agrees_with_the_binomial():
    terms, cells = 4000, 1 << 13
    grid = summed(jnp.array([0.0, 1.0]), jnp.array([0.7, 0.3]), number(terms), cells)
    spots, cdf = np.asarray(grid.values), np.cumsum(grid.probabilities)
    for count in (1050, 1150, 1200, 1290):
        exact = stats.binom.cdf(count, terms, 0.3)
        below = cdf[np.searchsorted(spots, count + 0.5) - 1]
        assert below == pytest.approx(exact, abs=2e-3)


def test_sum_lattice_of_a_constant_and_of_zero_probability_atoms():
    for values in ([2.0, 2.0], [2.0, -np.inf]):
        grid = summed(jnp.array(values), jnp.array([1.0, 0.0]), number(50.0), 64)
        assert np.isfinite(grid.values).all()
        np.testing.assert_allclose(grid.values @ grid.probabilities, 100.0)


def expert_of(law, radius):
    return chi2_ball_expert(law, radius).density_ratio


@pytest.mark.parametrize("data_budget", [3, 5, 20, 64])
def test_likelihood_lattice_has_both_laws(data_budget):
    law = RewardLaw.equiprobable(jnp.array([0.0, 1.0, 5.0, 9.0]))
    ratio = expert_of(law, 0.2)
    cells = likelihood(law, ratio, number(float(data_budget)), CELLS)
    expert, base = np.exp(cells.log_expert), np.exp(cells.log_base)
    assert expert.sum() == pytest.approx(1.0)
    # No trace has ratio 0, so the base law is complete; the grid inflates it by e^{n h^2/8}.
    assert base.sum() == pytest.approx(1.0, abs=2e-3)
    steps, mass = np.log(ratio), np.asarray(law.probabilities)
    drift = data_budget * float((mass * np.asarray(ratio)) @ steps)
    assert np.asarray(cells.log_ratio) @ expert == pytest.approx(drift, rel=1e-6)
    # Moderate base quantiles reach only where the expert still has mass above rounding.
    drop = data_budget * float(mass @ steps)
    assert np.asarray(cells.log_ratio) @ base == pytest.approx(drop, rel=1e-2)


@pytest.mark.parametrize("data_budget", [300, 1000, 20_000])
def test_rounding_of_the_transform_makes_no_base_mass(data_budget):
    law = RewardLaw.equiprobable(jnp.array([0.0, 1.0, 5.0, 9.0]))
    cells = likelihood(law, expert_of(law, 0.2), number(float(data_budget)), CELLS)
    assert np.exp(cells.log_base).sum() <= 1.01
    assert np.exp(cells.log_expert).sum() == pytest.approx(1.0)


def test_likelihood_lattice_loses_the_traces_the_expert_never_plays():
    law = RewardLaw.equiprobable(jnp.array([0.0, 1.0, 5.0, 9.0]))
    ratio = expert_of(law, 1.5)
    assert int(jnp.sum(ratio == 0)) == 2
    cells = likelihood(law, ratio, number(5.0), CELLS)
    assert np.exp(cells.log_base).sum() == pytest.approx(0.5**5, rel=1e-4)


@pytest.mark.parametrize(("data_budget", "tilt", "size"), [(64, 0.3, 10.0), (1000, 0.12, 40.0)])
def test_fft_lattice_agrees_with_the_exact_two_level_lattice(data_budget, tilt, size):
    law = two_level(number(1.0), number(1.0))
    general = likelihood(law, expert_of(law, tilt**2), number(float(data_budget)), CELLS)
    _, exact = mass_and_chance(float(data_budget), tilt, size, CELLS)
    chance = float(jax.jit(probability_correct)(general, number(size)))
    assert chance == pytest.approx(float(exact), rel=0.02)


def test_label_lattice_against_types():
    # Levels 0 (twice) and 5, 7: merged level probabilities 1/2, 1/4, 1/4.
    law = RewardLaw.equiprobable(jnp.array([0.0, 0.0, 5.0, 7.0]))
    labels = label_lattice(law, number(6.0), 1 << 12)
    spots, weights = np.asarray(labels.values), np.asarray(labels.probabilities)
    step = spots[1] - spots[0]
    for zeros in range(7):
        value = zeros * log(1 / 2) + (6 - zeros) * log(1 / 4)
        near = np.abs(spots - value) <= 6 * step
        assert weights[near].sum() == pytest.approx(comb(6, zeros) / 2**6, abs=1e-12)


def test_labels_of_a_population_mix_the_prompts():
    law = RewardLaw.equiprobable(jnp.array([[0.0, 8.0], [4.0, 4.0]]))
    labels = label_lattice(law, number(1.0), 1 << 10)
    assert labels.values @ labels.probabilities == pytest.approx(0.5 * log(1 / 2))


POPULATION = RewardLaw.equiprobable(jnp.array([[0.0, 8.0], [4.0, 4.0], [0.0, 2.0]]))


@pytest.mark.parametrize("counts", [(3, 5, 0), (0, 8, 0), (1, 0, 3)])
def test_likelihood_of_a_population_given_its_prompts(counts):
    # Both spread prompts tilt by 1/2; the point mass says nothing, whatever the codeword.
    ratio = expert_of(POPULATION, 0.25)
    cells = jax.jit(likelihood_lattice, static_argnums=3)(
        POPULATION, ratio, jnp.array(counts, float), CELLS
    )
    telling = counts[0] + counts[2]
    spots = np.asarray(cells.log_ratio)
    step = spots[1] - spots[0]
    for hits in range(telling + 1):
        value = hits * log(1.5) + (telling - hits) * log(0.5)
        near = np.abs(spots - value) <= max(telling, 1) * step
        expert = stats.binom.pmf(hits, telling, 0.75)
        assert np.exp(cells.log_expert)[near].sum() == pytest.approx(expert, abs=1e-12)
        assert np.exp(cells.log_base)[near].sum() == pytest.approx(
            0.5**telling * comb(telling, hits), rel=1e-3
        )


def test_transforms_serve_any_drawn_prompts():
    ratio = expert_of(POPULATION, 0.25)
    values, probabilities = expert_steps(POPULATION, ratio)
    transforms = step_transforms(values, probabilities, number(40.0), CELLS)
    for counts in ([13.0, 14.0, 13.0], [25.0, 5.0, 10.0], [40.0, 0.0, 0.0]):
        made = sum_of_terms(transforms, jnp.array(counts))
        drift = (counts[0] + counts[2]) * (0.75 * log(1.5) + 0.25 * log(0.5))
        assert made.values @ made.probabilities == pytest.approx(drift)
        assert float(made.probabilities[0] + made.probabilities[-1]) < 1e-15


@pytest.mark.parametrize("array", [host_array, jnp.asarray])
def test_sums_for_several_counts_at_once(array):
    law = RewardLaw.equiprobable(array([[0.0, 1.0, 8.0], [2.0, 2.0, 3.0]]))
    steps = expert_steps(law, chi2_ball_expert(law, 0.3).density_ratio)
    transforms = step_transforms(*steps, array(16.0), CELLS)
    counts = [[16.0, 0.0], [7.0, 9.0], [0.0, 16.0]]
    together = sum_of_terms(transforms, array(counts))
    for index, count in enumerate(counts):
        alone = sum_of_terms(transforms, array(count))
        np.testing.assert_allclose(together.values[index], alone.values, rtol=1e-13, atol=1e-13)
        np.testing.assert_allclose(together.probabilities[index], alone.probabilities, atol=1e-14)
