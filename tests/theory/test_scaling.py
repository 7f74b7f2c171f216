"""Exponents, the budgets at which one side overtakes the other, and the phase frontier."""

from dataclasses import replace
from math import log

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jaxtyping import Array, Float

from verigap.theory.binomial_lattices import two_level_lattice
from verigap.theory.bounds import BOUNDS, Setting
from verigap.theory.divergences import kl_divergence
from verigap.theory.experts import chi2_ball_expert
from verigap.theory.families import two_level
from verigap.theory.lattices import label_lattice, likelihood_lattice
from verigap.theory.laws import RewardLaw
from verigap.theory.risks.version_space import survivor_share
from verigap.theory.risks.vf_mle import probability_correct
from verigap.theory.scaling import (
    cloning_data_budget,
    crossover,
    homogeneity_frontier,
    scaling_exponent,
    verification_data_budget,
)

Number = Float[Array, ""]
CELLS = 1 << 12
ATOMS = [0.0, 0.0, 0.0, 4.0, 8.0, 10.0, 12.0, 16.0]

slope_of = jax.jit(scaling_exponent)


def number(value: float) -> Number:
    return jnp.asarray(float(value))


@pytest.mark.smoke
@given(
    st.lists(st.floats(1.0, 1e9), min_size=5, max_size=5, unique_by=lambda b: round(log(b), 2)),
    st.floats(-3, 3),
    st.floats(1e-6, 1e6),
)
def test_exponent_of_exact_powers(budgets: list[float], power: float, scale: float) -> None:
    points = jnp.array(budgets)
    assert float(slope_of(points, scale * points**power)) == pytest.approx(power, abs=1e-9)


def test_exponent_is_the_least_squares_slope() -> None:
    random = np.random.default_rng(0)
    budgets, values = np.exp(random.normal(size=(2, 5)))
    expected = np.polyfit(np.log(budgets), np.log(values), 1)[0]
    assert float(slope_of(jnp.asarray(budgets), jnp.asarray(values))) == pytest.approx(expected)


@pytest.mark.parametrize("bad", [0.0, -1.0, np.nan])
@pytest.mark.parametrize("where", [0, 2, 4])
def test_exponent_of_values_without_logarithm_is_nan(bad: float, where: int) -> None:
    budgets = 2.0 ** jnp.arange(5.0)
    assert np.isnan(float(slope_of(budgets, (budgets**0.5).at[where].set(bad))))


@given(st.integers(-3, 300), st.integers(1, 40), st.integers(0, 200))
def test_crossover_agrees_with_brute_force(turn: int, low: int, room: int) -> None:
    asked = []

    def advantage(budget: int) -> float:
        asked.append(budget)
        return float(budget - turn)

    high = low + room
    expected = next((b for b in range(low, high + 1) if b > turn), None)
    assert crossover(advantage, low, high) == expected
    assert all(low <= budget <= high for budget in asked)
    assert len(asked) <= 2 * np.log2(high) + 4


def test_crossover_ignores_zeros_and_plateaus() -> None:
    steps = {1: -1.0, 2: 0.0, 3: 0.0, 4: 0.5, 5: 0.5, 6: 3.0}
    assert crossover(steps.__getitem__, 1, 6) == 4
    assert crossover(steps.__getitem__, 5, 6) == 5
    assert crossover(steps.__getitem__, 1, 3) is None
    assert crossover(lambda _: -1.0) is None


@jax.jit
def separation(budget: Number, log2_class_size: Number) -> Number:
    half = 0.5 * budget[None]
    setting = Setting.from_law(
        two_level(half, half),
        horizon=budget,
        data_budget=budget,
        log2_class_size=log2_class_size,
        chi2_radius=1.0,
    )
    return BOUNDS["SEPARATION"].value(setting)


def test_budget_at_which_the_separation_turns_positive() -> None:
    def at(size: float) -> int | None:
        return crossover(lambda n: float(separation(number(n), number(size))), high=1 << 12)

    found = at(40.0)
    assert found == 23
    brute = [n for n in range(1, 60) if float(separation(number(n), number(40))) > 0]
    assert brute == list(range(23, 60))
    assert at(10.0) == 8


@jax.jit
def chance(data_budget: Number, log2_class_size: Number, tilt: Number) -> Number:
    lattice = two_level_lattice(data_budget, tilt, log2_class_size, CELLS)
    return probability_correct(lattice, log2_class_size)


def half_way(size: float, tilt: float) -> int:
    """Smallest n with P(correct) > 1/2, exactly."""
    found = crossover(lambda n: float(chance(number(n), number(size), number(tilt))) - 0.5)
    assert found is not None
    return found


def test_cloning_budget_is_where_maximum_likelihood_starts_to_be_right() -> None:
    tilt = 0.3
    divergence = 0.5 * (1 + tilt) * log(1 + tilt) + 0.5 * (1 - tilt) * log(1 - tilt)
    # The exact budget lags by half a logarithm of it; 14 % at d = 20, 3 % at d = 200.
    ratios = [
        half_way(size, tilt) / cloning_data_budget(size, divergence)
        for size in (20.0, 40.0, 60.0, 200.0)
    ]
    assert (np.diff(ratios) > 0).all()
    assert ratios[0] > 0.85
    assert 0.97 < ratios[-1] < 1
    assert cloning_data_budget(3.0, log(2)) == pytest.approx(3.0)


@jax.jit
def general(data_budget: Number, log2_class_size: Number) -> tuple[Number, Number]:
    """P(correct) and E[1/(S + 1)] for the eight atoms; kappa' = 0.2."""
    law = RewardLaw.equiprobable(jnp.asarray([ATOMS]))
    ratio = chi2_ball_expert(law, 0.2).density_ratio
    lattice = likelihood_lattice(law, ratio, data_budget[None], CELLS)
    labels = label_lattice(law, data_budget, CELLS)
    return probability_correct(lattice, log2_class_size), survivor_share(labels, log2_class_size)


def test_budgets_of_a_general_law() -> None:
    law = RewardLaw.equiprobable(jnp.asarray(ATOMS))
    expert = law.probabilities * chi2_ball_expert(law, 0.2).density_ratio
    cloning = cloning_data_budget(200.0, float(kl_divergence(expert, law.probabilities)))
    entropy = -3 / 8 * log(3 / 8) - 5 / 8 * log(1 / 8)
    labelling = verification_data_budget(200.0, entropy)
    for part, budget in enumerate((cloning, labelling)):

        def advantage(n: int, part: int = part) -> float:
            return float(general(number(n), number(200))[part]) - 0.5

        assert crossover(advantage) == pytest.approx(budget, rel=0.03)


def test_fair_labels_single_out_a_codeword_after_d_of_them() -> None:
    # E[1/(S+1)] = (1 - e^-y)/y at y = 2^(d - n): 0.63 at n = d and 0.43 one label earlier.
    law = two_level(jnp.asarray(8.0), jnp.asarray(8.0))

    @jax.jit
    def share(data_budget: Number, log2_class_size: Number) -> Number:
        return survivor_share(label_lattice(law, data_budget, 1 << 10), log2_class_size)

    for size in (10, 40, 200):

        def advantage(n: int, size: int = size) -> float:
            return float(share(number(n), number(size))) - 0.5

        assert crossover(advantage) == size
        assert verification_data_budget(float(size), log(2)) == pytest.approx(size)


@jax.jit
def frontier(setting: Setting) -> tuple[Number, Number, Number]:
    sd = homogeneity_frontier(setting)
    at = replace(setting, expert_sd=jnp.maximum(sd, 0.0))
    return sd, BOUNDS["VF-UPPER"].value(at), BOUNDS["VB-UPPER"].value(at)


@jax.jit
def setting_of(
    data_budget: Number, size: Number, delta: Number, coverage: Number, mean: Number
) -> Setting:
    setting = Setting.from_law(
        two_level(jnp.full(1, 8.0), jnp.full(1, 8.0)),
        horizon=16.0,
        data_budget=data_budget,
        log2_class_size=size,
        chi2_radius=1.0,
        failure_probability=delta,
    )
    return replace(setting, coverage=coverage, expert_mean_max=mean)


@given(
    st.integers(1, 1 << 16),
    st.integers(1, 200),
    st.floats(1e-6, 0.5),
    st.floats(1e-3, 1.0),
    st.floats(0.0, 16.0),
)
def test_frontier_makes_the_two_bounds_equal(
    data_budget: int, size: int, delta: float, coverage: float, mean: float
) -> None:
    parts = (float(data_budget), float(size), delta, coverage, mean)
    setting = setting_of(*(jnp.asarray(part) for part in parts))
    sd, cloning, verifying = (float(value) for value in frontier(setting))
    if sd >= 0:
        assert cloning == pytest.approx(verifying, rel=1e-9)
        for share, sign in ((0.99, -1), (1.01, 1)):
            moved = replace(setting, expert_sd=jnp.asarray(share * sd))
            _, _, other = frontier(moved)
            gap = float(vf_upper(moved)) - float(other)
            assert sign * gap >= -1e-9 * verifying
    else:
        # Not even a homogeneous expert gives cloning the better bound.
        assert cloning > verifying


vf_upper = jax.jit(BOUNDS["VF-UPPER"].value)


def test_frontier_at_a_hand_computed_point() -> None:
    # n = 2 ln(rivals/delta) makes v = 1 - 1/e, and VB-UPPER (H/c0)(1 - 1/sqrt(e)).
    n = 2 * log(7 / 0.05)
    setting = setting_of(number(n), number(3), number(0.05), number(0.5), number(4))
    v = 1 - np.exp(-1)
    assert float(frontier(setting)[0]) == pytest.approx(
        (32 * (1 - np.exp(-0.5)) - 4 * v) / (2 * v**0.5)
    )
