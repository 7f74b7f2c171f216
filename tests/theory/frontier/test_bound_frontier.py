"""The verdict of the bounds: closed-form frontiers, gradients, and their signs."""

import math
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verigap.theory import RewardLaw, Setting, coverage_frontier, homogeneity_frontier, standing
from verigap.theory.arrays import host_array
from verigap.theory.bounds.example import example_setting
from verigap.theory.frontier import (
    bound_elasticities,
    bound_lead,
    bound_parameters,
    moved,
    nearest_move,
)

# Many small formulas in NumPy, whose annotations take longer to check than they do.
pytestmark = pytest.mark.usefixtures("unchecked_annotations")

ATOMS = [[0.0, 0.0, 0.0, 4.0, 8.0, 10.0, 12.0, 16.0]]


def _general(n: float = 24.0, d: float = 20.0, kappa: float = 0.6, delta: float = 0.05) -> Setting:
    return Setting.from_law(
        RewardLaw.equiprobable(host_array(ATOMS)),
        horizon=16.0,
        data_budget=n,
        log2_class_size=d,
        chi2_radius=kappa,
        failure_probability=delta,
    )


def _moves(setting: Setting):
    return {each.name: nearest_move(each, 0.0) for each in bound_parameters(setting)}


@pytest.mark.smoke
@settings(max_examples=8)
@given(st.integers(1, 4096), st.integers(1, 200), st.floats(0.05, 3.0), st.floats(1e-4, 0.5))
def test_coverage_and_heterogeneity_meet_their_closed_forms(
    n: int, d: int, kappa: float, delta: float
) -> None:
    setting = _general(n, d, kappa, delta)
    moves = _moves(setting)
    for name, frontier, most in (
        ("coverage", float(coverage_frontier(setting)), 1.0),
        ("expert_sd", float(homogeneity_frontier(setting)), 8.0),
    ):
        value, move = float(getattr(setting, name)), moves[name]
        inside = value / 64 * 1.001 < frontier < min(most, 64 * value) * 0.999
        if inside:
            assert move.at == pytest.approx(frontier, rel=1e-5)
        elif not value / 64 * 0.999 < frontier < min(most, 64 * value) * 1.001:
            assert move.at is None
        if move.at is None:
            assert (move.becomes, move.factor) == (None, None)
        else:
            assert move.becomes == ("verifying" if move.at > value else "cloning")


@settings(max_examples=6)
@given(st.integers(1, 30), st.integers(1, 60), st.floats(0.05, 3.0))
def test_traces_agree_with_brute_force(n: int, d: int, kappa: float) -> None:
    setting = _general(n, d, kappa)
    move = _moves(setting)["data_budget"]
    leads = {m: float(bound_lead(moved(setting, {"data_budget": m / n}))) for m in range(1, 6 * n)}
    turned = [m for m, lead in leads.items() if lead * leads[n] < 0]
    nearest = min(turned, key=lambda m: abs(math.log(m / n)), default=None)
    # More traces favour verifying, so that there is one crossing at most.
    assert sorted(leads.values()) == pytest.approx(list(leads.values()), abs=1e-12)
    assert (move.at if move.at is None or move.at < 6 * n else None) == nearest


def test_only_the_bits_a_trace_must_tell_count() -> None:
    # VF-UPPER and VB-UPPER know n and d by ln((2^d - 1)/delta)/n alone.
    setting = _general()
    ell = math.log((2**20 - 1) / 0.05)
    d = _moves(setting)["log2_class_size"]
    assert d.at is not None
    other = 24 * ell / math.log((2**d.at - 1) / 0.05)
    leads = [float(bound_lead(replace(setting, data_budget=np.asarray(m)))) for m in (24.0, other)]
    assert leads[1] == pytest.approx(0.0, abs=1e-7)
    assert d.factor is not None
    assert leads[0] * d.elasticity < 0 if d.factor > 1 else leads[0] * d.elasticity > 0


def test_no_budget_moves_the_bounds_at_a_fixed_shape() -> None:
    move = _moves(_general())["horizon"]
    assert (move.at, move.becomes, move.elasticity) == (None, None, 0.0)
    assert move.halved == move.doubled


def test_a_budget_that_changes_the_law_may() -> None:
    def at_horizon(horizon: int) -> Setting:
        # Twice the budget, twice the chance of a correct trace.
        share = min(0.002 * horizon, 0.9)
        law = RewardLaw(host_array([0.0, float(horizon)]), host_array([[1 - share, share]]))
        return Setting.from_law(
            law, horizon=horizon, data_budget=128.0, log2_class_size=12.0, chi2_radius=0.5
        )

    setting = at_horizon(16)
    parameters = {each.name: each for each in bound_parameters(setting, at_horizon)}
    move = nearest_move(parameters["horizon"], 0.0)
    assert move.becomes == "verifying"
    assert move.at is not None
    sides = [float(bound_lead(at_horizon(h))) > 0 for h in range(16, int(move.at) + 1)]
    assert sides == [False] * (len(sides) - 1) + [True]


@settings(max_examples=25)
@given(st.integers(2, 4096), st.integers(1, 200), st.floats(0.05, 0.8))
def test_signs_of_the_gradients(n: int, d: int, kappa: float) -> None:
    slopes = bound_elasticities(_general(n, d, kappa))
    assert slopes["coverage"] == pytest.approx(1.0)
    assert 0 < slopes["expert_sd"] <= 1 + 1e-9
    assert slopes["data_budget"] >= -1e-9
    assert slopes["log2_class_size"] <= 1e-9


@pytest.mark.parametrize("kappa", [0.1, 0.6, 1.7])
def test_automatic_gradients_are_central_differences(kappa: float) -> None:
    setting = _general(kappa=kappa)
    slopes = bound_elasticities(setting)
    for name, move in _moves(setting).items():
        if name in {"coverage", "expert_sd", "class_radius", "log2_class_size"}:
            assert slopes[name] == pytest.approx(move.elasticity, rel=1e-3, abs=1e-6)
    step = 1e-4
    around = [
        float(bound_lead(moved(setting, {"data_budget": f}))) for f in (1 / (1 + step), 1 + step)
    ]
    assert slopes["data_budget"] == pytest.approx(
        (around[1] - around[0]) / (2 * math.log1p(step)), rel=1e-3
    )


def test_moving_the_leash_is_the_setting_of_the_other_leash() -> None:
    there, moved_there = _general(kappa=1.2), moved(_general(kappa=0.6), {"class_radius": 2.0})
    for name in ("class_radius", "expert_radius", "expert_sd", "expert_mean_max", "coverage"):
        assert float(getattr(moved_there, name)) == pytest.approx(float(getattr(there, name)))
    # A coverage that was given keeps its share of the law's own.
    given_one = replace(_general(kappa=0.6), coverage=np.asarray(0.1))
    share = 0.1 / float(_general(kappa=0.6).coverage)
    assert float(moved(given_one, {"class_radius": 2.0}).coverage) == pytest.approx(
        share * float(there.coverage)
    )


def test_a_law_known_by_its_moments_has_no_leash_to_move_and_no_game() -> None:
    setting = replace(example_setting(), law_known=False)
    found = standing(setting)
    assert found.game is None
    assert "class_radius" not in [move.parameter for move in found.bounds.moves]
    with pytest.raises(KeyError):
        found.bounds.move("class_radius")


def test_the_lead_runs_under_jit_and_vmap() -> None:
    setting = jax.tree.map(jnp.asarray, _general())
    data = jnp.asarray([4.0, 24.0, 256.0])
    leads = jax.jit(jax.vmap(lambda n: bound_lead(replace(setting, data_budget=n))))(data)
    expected = [float(bound_lead(_general(n))) for n in (4.0, 24.0, 256.0)]
    np.testing.assert_allclose(leads, expected, rtol=1e-9)


def test_every_parameter_of_the_bounds_has_its_range() -> None:
    setting = example_setting()
    inf = math.inf
    ranges = {each.name: (each.low, each.high, each.whole) for each in bound_parameters(setting)}
    assert list(ranges.items()) == [
        ("data_budget", (1.0, inf, True)),
        ("horizon", (1.0, inf, True)),
        ("expert_sd", (0.0, 32.0, False)),
        ("coverage", (0.0, 1.0, False)),
        ("class_radius", (0.0, inf, False)),
        ("log2_class_size", (1.0, inf, False)),
    ]
    # A value that is out of the usual range is within its own.
    unusual = replace(setting, log2_class_size=host_array(0.5), expert_sd=host_array(40.0))
    ranges = {each.name: (each.low, each.high) for each in bound_parameters(unusual)}
    assert (ranges["log2_class_size"], ranges["expert_sd"]) == ((0.5, inf), (0.0, 40.0))
    by_moments = [each.name for each in bound_parameters(replace(setting, law_known=False))]
    assert by_moments == [name for name in ranges if name != "class_radius"]
