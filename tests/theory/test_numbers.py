"""Closed-form numbers that independent prototypes found (docs/theory.md, Numbers)."""

from collections.abc import Callable
from functools import partial
from math import ceil, comb, log2
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import Array
from numpy.typing import ArrayLike
from scipy import optimize, stats

from tests.theory.games import Number, half_horizon_game, half_horizon_game_on_host
from verigap.theory.binomial_lattices import two_level_cells, two_level_lattice
from verigap.theory.bounds import BOUNDS
from verigap.theory.bounds.vf_lower import hardest_tilt, vf_lower
from verigap.theory.coverage import anti_concentration, level_coverage, top_share_coverage
from verigap.theory.experts import (
    ceiling_radius,
    chi2_ball_expert,
    chi2_ceiling,
    saturation_radius,
)
from verigap.theory.lattices import label_lattice
from verigap.theory.laws import RewardLaw
from verigap.theory.risks.hard_prompts import (
    hard_prompt_mass,
    hard_prompts_vb_risk,
    hard_prompts_vf_risk,
)
from verigap.theory.risks.version_space import survivor_share
from verigap.theory.risks.vf_mle import probability_correct
from verigap.theory.scaling import scaling_exponent

CELLS = 1 << 12
ATOMS = [0.0, 0.0, 0.0, 4.0, 8.0, 10.0, 12.0, 16.0]


@jax.jit
def at_tilt(
    data_budget: Number, log2_class_size: Number, tilt: Number
) -> tuple[Number, Number, Number]:
    """VF-LOWER, VF-MLE risk and P(correct) for sigma = 1."""
    value = BOUNDS["VF-LOWER"].value(
        half_horizon_game(jnp.full_like(tilt, 2.0), data_budget, log2_class_size, tilt**2)
    )
    lattice = two_level_lattice(data_budget, tilt, log2_class_size, CELLS)
    correct = probability_correct(lattice, log2_class_size)
    return value, (1.0 - correct) * tilt, correct


@jax.jit
def along_budgets(budget: Number, log2_class_size: Number) -> tuple[Number, Number, Number, Number]:
    """At n = H: the hardest tilt, VF-LOWER there, VB-UPPER-EXPECTATION, SEPARATION (tokens)."""
    setting = half_horizon_game(budget, budget, log2_class_size, None)
    tilt = hardest_tilt(setting, vf_lower)
    lower = BOUNDS["VF-LOWER"].value(setting)
    upper = BOUNDS["VB-UPPER-EXPECTATION"].value(setting)
    return tilt, lower, upper, BOUNDS["SEPARATION"].value(setting)


def table(function: Callable[..., tuple[Number, ...]], *columns: ArrayLike) -> list[np.ndarray]:
    """The function's outputs along the columns; one compiled program serves every length."""
    rows = zip(*np.atleast_1d(*np.broadcast_arrays(*columns)), strict=True)
    found = [function(*(jnp.asarray(float(value)) for value in row)) for row in rows]
    return [np.array(output, float) for output in zip(*found, strict=True)]


@pytest.mark.smoke
def test_two_level_table() -> None:
    sizes, budgets, tilts = [10, 10, 12, 40], [32, 128, 64, 1000], [0.292, 0.113, 0.223, 0.120]
    lower, risk, _ = table(at_tilt, budgets, sizes, tilts)
    np.testing.assert_allclose(lower, [0.1763, 0.0426, 0.1492, 0.1188], atol=5e-5)
    np.testing.assert_allclose(risk, [0.27422, 0.10958, 0.21473, 0.11994], atol=5e-6)


@partial(jax.jit, static_argnames="name")
def hardest(name: str, data_budget: Number, log2_class_size: Number) -> tuple[Number, Number]:
    setting = half_horizon_game(jnp.full_like(data_budget, 2.0), data_budget, log2_class_size, None)
    bound = BOUNDS[name].value
    return bound(setting), hardest_tilt(setting, bound)


def test_largest_lower_bound_over_tilts() -> None:
    value, tilt = hardest("VF-LOWER", jnp.asarray(1000.0), jnp.asarray(40.0))
    assert float(value) == pytest.approx(0.1270, abs=5e-5)
    assert float(tilt) == pytest.approx(0.135, abs=5e-4)
    assert float(value) == pytest.approx(0.127044233, abs=1e-9)


def test_proper_learners() -> None:
    value, tilt = hardest("VF-LOWER-PROPER", jnp.asarray(256.0), jnp.asarray(4.0))
    # Rational arithmetic gives the same maximum, 0.0544168 at a tilt of 0.09862.
    assert float(value) == pytest.approx(0.0544168, abs=5e-8)
    assert float(tilt) == pytest.approx(0.0986, abs=2e-4)
    coarse, fine = np.linspace(0.02, 1.0, 99), np.linspace(0.095, 0.102, 71)
    tilts = np.concatenate([coarse, fine])
    _, risks, _ = table(at_tilt, 256, 4, tilts)
    assert float(risks.max()) == pytest.approx(0.054417, abs=5e-7)
    assert tilts[int(risks.argmax())] == pytest.approx(0.0986, abs=1e-4)


def test_constants_of_proper_learners() -> None:
    # C_d = max_u sqrt(u) (1 - P_c(u)): the true codeword's score is normal with mean sqrt(u), the
    # others' are standard normal, and the largest is picked.
    score = np.linspace(-12.0, 24.0, 72_001)
    for size, constant in [(1, 0.240), (4, 0.871), (10, 1.899), (20, 3.234), (40, 5.25)]:
        below_all = np.exp((2.0**size - 1) * stats.norm.logcdf(score))

        def missed(root: float, below_all: np.ndarray = below_all) -> float:
            correct = np.sum(stats.norm.pdf(score - root) * below_all) * (score[1] - score[0])
            return -root * (1.0 - correct)

        least: Any = optimize.minimize_scalar(missed, bounds=(0.1, 12.0))
        exact = -least.fun
        assert exact == pytest.approx(constant, abs=5e-3 if size == 40 else 5e-4)
        value, _ = hardest("VF-LOWER-PROPER", jnp.asarray(1e5), jnp.asarray(float(size)))
        assert float(value) * 1e5**0.5 == pytest.approx(exact, rel=1e-3)
        # Where counts share cells it costs a little, on the safe side.
        value, _ = hardest("VF-LOWER-PROPER", jnp.asarray(1e8), jnp.asarray(float(size)))
        assert 0.975 * exact < float(value) * 1e4 < exact


def test_data_budget_at_which_cloning_is_right_half_of_the_time() -> None:
    sizes, budgets = np.array([20, 40, 60]), np.array([260, 556, 855])
    assert max(two_level_cells(856, 0.3, 60.0), 857) <= CELLS
    _, _, reached = table(at_tilt, budgets, sizes, 0.3)
    _, _, before = table(at_tilt, budgets - 1, sizes, 0.3)
    assert (np.asarray(reached) >= 0.5).all()
    assert (np.asarray(before) < 0.5).all()


@jax.jit
def shape_of(law: RewardLaw) -> dict[str, Array]:
    radii = jnp.asarray([0.2, 1.0, 3.0, 7.0], law.probabilities.dtype)
    expert = jax.vmap(chi2_ball_expert, in_axes=(None, 0))(law, radii)
    return {
        "moments": jnp.stack([law.mean, law.variance]),
        "ends": jnp.stack([ceiling_radius(law), saturation_radius(law)]),
        "ceilings": jnp.stack([chi2_ceiling(law, radius) for radius in (0.2, 1.0, 3.0)]),
        "values": expert.value,
        "ratio": expert.density_ratio[1],
        "c": jax.vmap(anti_concentration, in_axes=(None, 0))(law, radii),
        "c* above": level_coverage(
            law, expert.value[1] * (1.0 + 8.0 * jnp.finfo(law.mean.dtype).eps)
        ),
        "c*": jax.vmap(level_coverage, in_axes=(None, 0))(law, expert.value),
        "alpha": jax.vmap(top_share_coverage, in_axes=(None, 0))(law, expert.value),
    }


@pytest.mark.smoke
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_atoms(dtype: str) -> None:
    found = shape_of(RewardLaw.equiprobable(jnp.asarray(ATOMS, dtype)))
    assert all(part.dtype == dtype for part in found.values())
    rtol = 1e-5 if dtype == "float32" else 1e-12
    np.testing.assert_array_equal(found["moments"], [6.25, 33.4375])
    np.testing.assert_allclose(found["ends"], [0.856, 7.0], atol=5e-4)
    np.testing.assert_allclose(found["values"], [8.836, 12.0, 14.431, 16.0], atol=5e-4)
    np.testing.assert_allclose(found["ceilings"], [8.836, 12.033, 16.266], atol=5e-4)
    # Below the ceiling radius the ceiling is attained.
    np.testing.assert_allclose(found["values"][0], found["ceilings"][0], rtol=rtol)
    # kappa = 1: w = (R - 2)_+ / 5, value 12 exactly, which is an atom: c* may not lose it.
    np.testing.assert_allclose(found["values"][1], 12.0, rtol=rtol)
    np.testing.assert_allclose(
        found["ratio"], np.maximum(np.array(ATOMS) - 2, 0) / 5, rtol=rtol, atol=1e-6
    )
    np.testing.assert_array_equal(found["c*"], [3 / 8, 1 / 4, 1 / 8, 1 / 8])
    assert float(found["c* above"]) == 1 / 4
    assert float(found["alpha"][1]) == pytest.approx(7 / 16, rel=rtol)
    # At kappa = 3 the ceiling exceeds every return: no base trace reaches it.
    np.testing.assert_array_equal(found["c"], [3 / 8, 1 / 8, 0, 0])


@jax.jit
def sparse_share(law: RewardLaw, data_budget: Number, log2_class_size: Number) -> Number:
    return survivor_share(label_lattice(law, data_budget, CELLS), log2_class_size)


def test_survivors_of_sparse_labels() -> None:
    law = RewardLaw.equiprobable(jnp.asarray([0.0] * 7 + [8.0]))
    share = float(sparse_share(law, jnp.asarray(16.0), jnp.asarray(8.0)))
    exact = 0.0
    for hits in range(17):
        q = (7 / 8) ** (16 - hits) * (1 / 8) ** hits
        exact += comb(16, hits) * (1 - (1 - q) ** 256) / 256
    assert exact == pytest.approx(0.596, abs=5e-4)
    assert exact == pytest.approx(0.595698, abs=5e-7)
    assert share == pytest.approx(exact, abs=2e-4)


def test_hard_prompts() -> None:
    # The instance that tests/sim/relabelling/test_numbers.py simulates.
    horizon, coverage, budget, bits = (jnp.asarray(v) for v in (16.0, 0.1, 320.0, 8.0))
    mass = hard_prompt_mass(budget, coverage)
    verified = float(hard_prompts_vb_risk(horizon, budget, bits, coverage, mass))
    cloned = float(hard_prompts_vf_risk(horizon, budget, bits, mass))
    assert verified == pytest.approx(0.367306, abs=5e-7)
    assert cloned == pytest.approx(0.006560, abs=5e-7)
    assert float(mass) == pytest.approx(1 / 64.2)


@pytest.mark.parametrize(("horizon", "lower", "upper"), [(4096, 68.7, 33.2), (1 << 20, 1579, 55.5)])
def test_separation_with_a_growing_class(horizon: int, lower: float, upper: float) -> None:
    _, computed_lower, computed_upper, gap = table(along_budgets, horizon, ceil(2 * log2(horizon)))
    digit = 0.5 if lower > 1000 else 0.05
    assert float(computed_lower[0]) == pytest.approx(lower, abs=digit)
    assert float(computed_upper[0]) == pytest.approx(upper, abs=0.05)
    # In the game the labels leave no wrong codeword, and nothing is subtracted.
    assert float(gap[0]) == pytest.approx(float(computed_lower[0]), rel=1e-9)


def test_separation_with_a_constant_class() -> None:
    # d = 10: from n = 378 > 2^d/e on VF-LOWER is vacuous, and SEPARATION with it.
    budgets = np.array([*range(1, 12), *range(36, 400, 31), 377, 378, *(2 ** np.arange(9, 31, 3))])
    _, lower, _, gap = table(along_budgets, budgets, 10)
    assert (np.asarray(lower)[budgets > 377] <= 1e-6).all()
    np.testing.assert_array_equal(gap > 1e-9, (budgets >= 8) & (budgets <= 377))
    # d = 40: positive from 23 on, and at 4,096 all of VF-LOWER.
    budgets = np.array([*range(18, 28), *range(40, 2000, 160), 4096])
    _, lower, _, gap = table(along_budgets, budgets, 40)
    np.testing.assert_array_equal(gap > 1e-9, budgets >= 23)
    assert gap[-1] == pytest.approx(122.65, abs=5e-3)
    assert gap[-1] == pytest.approx(lower[-1], rel=1e-6)


def test_the_gap_is_a_falling_share_of_the_budget() -> None:
    # At n = H and constant class size: SEPARATION-PROPER / H falls like 1/sqrt(H).
    shares = []
    for horizon in (1 << 8, 1 << 12, 1 << 16):
        setting = half_horizon_game_on_host(float(horizon), float(horizon), 10.0, None)
        shares.append(float(BOUNDS["SEPARATION-PROPER"].value(setting)) / horizon)
    np.testing.assert_allclose(np.divide(shares[:-1], shares[1:]), 4.0, rtol=0.03)
    assert shares[-1] == pytest.approx(0.5 * 1.899 / 2**8, rel=2e-3)


@pytest.mark.parametrize(("size", "lower", "cloning"), [(40, 0.460, 0.464), (20, 0.337, 0.406)])
def test_slopes_in_the_budget(size: int, lower: float, cloning: float) -> None:
    horizons = 2 ** np.arange(6, 17)
    tilts, bounds, _, _ = table(along_budgets, horizons, size)
    for horizon, tilt in zip(horizons, tilts, strict=True):
        assert two_level_cells(int(horizon), float(tilt), float(size)) <= CELLS
    _, risks, _ = table(at_tilt, horizons, size, tilts)
    for values, slope in ((bounds, lower), (0.5 * horizons * risks, cloning)):
        fitted = scaling_exponent(jnp.asarray(horizons, float), jnp.asarray(values))
        assert float(fitted) == pytest.approx(slope, abs=5e-4)
