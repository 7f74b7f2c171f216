"""VB-LOWER against the exact risk of its instance, and who wins there."""

from dataclasses import replace
from math import exp, log

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from jaxtyping import Array

from tests.theory.games import half_horizon_game
from verigap.theory.bounds import BOUNDS, Setting
from verigap.theory.families import two_level
from verigap.theory.risks.hard_prompts import (
    hard_prompt_mass,
    hard_prompts_vb_risk,
    hard_prompts_vf_risk,
)

HORIZON = 16.0


@jax.jit
def instance(data_budget, log2_class_size, coverage):
    law = two_level(jnp.full(1, 8.0), jnp.full(1, 8.0))
    setting = Setting.from_law(
        law, horizon=HORIZON, data_budget=data_budget, log2_class_size=log2_class_size,
        chi2_radius=1.0, game="hard-prompts",
    )  # fmt: skip
    setting = jax.tree.map(lambda leaf: leaf, setting)
    object.__setattr__(setting, "coverage", coverage)
    horizon = jnp.asarray(HORIZON)
    mass = hard_prompt_mass(data_budget, coverage)
    return (
        BOUNDS["VB-LOWER"].value(setting),
        BOUNDS["VB-LOWER"].assumptions_hold(setting),
        hard_prompts_vb_risk(horizon, data_budget, log2_class_size, coverage, mass),
        hard_prompts_vf_risk(horizon, data_budget, log2_class_size, mass),
        BOUNDS["VB-UPPER-EXPECTATION"].value(setting),
        log2_class_size * mass,
    )


def case(data_budget, log2_class_size, coverage):
    parts = (float(data_budget), float(log2_class_size), float(coverage))
    return [float(v) for v in instance(*(jnp.asarray(part) for part in parts))]


@given(st.integers(1, 10**6), st.integers(1, 1000), st.floats(1e-4, 0.5))
def test_bound_lies_below_the_bayes_risk_and_the_upper_bound(data_budget, size, coverage):
    lower, holds, verifier, cloner, upper, mass = case(data_budget, size, coverage)
    assert bool(holds) == (mass <= 1)
    assume(mass <= 1)
    assert lower <= verifier * (1 + 1e-12)
    # (n/(n+1))^n falls to 1/e: the bound is within e/2 of the exact risk, and tight for large n.
    assert verifier <= lower * np.e / 2 * (1 + 1e-12)
    assert verifier <= upper
    assert cloner <= verifier * (1 + 1e-12)
    ratio = upper / lower
    if size > 1:
        assert ratio <= 4 * np.e * np.log(2) * (data_budget + 1) / data_budget
    else:
        assert upper == pytest.approx(4 * verifier)


@pytest.mark.parametrize(("traces", "coverage", "most"), [(7, 0.5, 8), (15, 0.25, 8), (1, 0.25, 1)])
def test_hard_prompts_may_take_all_of_the_mass(traces: int, coverage: float, most: int) -> None:
    _, holds, *_, mass = case(traces, most, coverage)
    assert (mass, bool(holds)) == (1.0, True)
    assert not case(traces, most + 1, coverage)[1]


def test_bound_is_tight_for_much_data():
    lower, _, verifier, *_ = case(10**6, 8, 0.1)
    assert lower / verifier > 0.999999
    assert lower / verifier < 1


def test_cloning_wins_by_the_stated_factor():
    for coverage in (0.4, 0.1, 0.02):
        _, _, verifier, cloner, *_ = case(10**6, 8, coverage)
        assert cloner / verifier == pytest.approx(np.exp(1 - 1 / (2 * coverage)), rel=1e-3)
    _, _, verifier, cloner, *_ = case(1000, 8, 0.5)
    assert cloner == pytest.approx(verifier)


@jax.jit
def where_cloning_is_proved_better(
    traces: Array, bits: Array, coverage: Array
) -> tuple[Array, Array]:
    """VF-UPPER-EXPECTATION of the hard prompts' expert, who always earns H, and VB-LOWER."""
    setting = half_horizon_game(jnp.asarray(8.0), traces, bits, jnp.asarray(1.0))
    setting = replace(
        setting,
        game="hard-prompts",
        coverage=coverage,
        expert_sd=jnp.asarray(0.0),
        expert_mean_max=setting.horizon,
    )
    return BOUNDS["VF-UPPER-EXPECTATION"].value(setting), BOUNDS["VB-LOWER"].value(setting)


@pytest.mark.parametrize("bits", [2, 3, 8, 40, 200])
@pytest.mark.parametrize("traces", [1, 2, 100, 10**6])
def test_cloning_wins_below_a_coverage(bits: int, traces: int) -> None:
    most = traces / (traces + 1) / (8 * exp(1) * log(2))
    assert 0.0663 * traces / (traces + 1) < most
    parts = (jnp.asarray(float(part)) for part in (traces, bits, most * (1 - 1e-9)))
    cloning, verifying = where_cloning_is_proved_better(*parts)
    assert float(cloning) < float(verifying)


def test_the_coverage_below_which_cloning_wins_is_sharp() -> None:
    # d = 200: little is left; d = 1: an eighth for large n, and no more.
    for bits, edge in ((200, 0.0664), (1, 1 / 8)):
        for factor, wins in ((0.998, True), (1.002, False)):
            parts = (jnp.asarray(float(part)) for part in (10**6, bits, factor * edge))
            cloning, verifying = where_cloning_is_proved_better(*parts)
            assert (float(cloning) < float(verifying)) == wins, (bits, factor)
