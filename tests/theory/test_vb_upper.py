"""VB-UPPER in all its forms against exact risks, by the exact law of the survivors."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from verigap.theory.bounds import BOUNDS, Setting
from verigap.theory.bounds.vb_upper import conditional_coverage
from verigap.theory.experts import chi2_ball_expert
from verigap.theory.families import two_level
from verigap.theory.lattices import label_lattice
from verigap.theory.laws import RewardLaw
from verigap.theory.policies import best_of_n_policy, conditional_policy
from verigap.theory.risks.version_space import (
    plug_in_risk,
    two_level_agreement,
    two_level_pessimistic_gain,
)

HORIZON = 16.0
NAMES = [
    name
    for name, bound in BOUNDS.items()
    if (bound.side, bound.direction) == ("verifier-based", "upper")
]


@jax.jit
def two_level_case(data_budget, log2_class_size, radius, delta, num_candidates):
    law = two_level(jnp.full(1, HORIZON / 2), jnp.full(1, HORIZON / 2))
    setting = Setting.from_law(
        law,
        horizon=HORIZON,
        data_budget=data_budget,
        log2_class_size=log2_class_size,
        chi2_radius=radius,
        expert_radius=radius,
        failure_probability=delta,
        num_candidates=num_candidates,
    )
    gain = jnp.sqrt(radius) * HORIZON / 2
    pessimistic = two_level_pessimistic_gain(
        data_budget, log2_class_size, jnp.asarray(HORIZON / 2), setting.coverage
    )
    values = {name: BOUNDS[name].value(setting) for name in NAMES}
    return values, setting.coverage, gain, gain - pessimistic


@pytest.mark.long
@given(
    st.integers(1, 400),
    st.integers(0, 12),
    st.floats(1e-4, 1.0),
    st.floats(1e-4, 0.5),
)
def test_two_level_pessimism_obeys_every_form(data_budget, log2_class_size, radius, delta):
    values, coverage, gain, risk = two_level_case(
        float(data_budget), float(log2_class_size), radius, delta, 1.0
    )
    # With the top share of the expert's level, the right codeword earns exactly the expert's gain.
    assert float(coverage) == pytest.approx(1 / (1 + radius**0.5), rel=1e-6)
    assert float(risk) <= float(values["VB-UPPER-EXPECTATION"]) + 1e-12
    survivors = jnp.arange(4096.0)
    weights = stats.binom.pmf(survivors, 2**log2_class_size - 1, 2.0**-data_budget)
    reach = min(1 / float(coverage) - 1, 1.0) * HORIZON / 2
    loss = float(gain) - reach * np.asarray(two_level_agreement(survivors))
    for name in ("VB-UPPER", "VB-UPPER-SQUARED"):
        assert weights[loss > float(values[name]) * (1 + 1e-9) + 1e-12].sum() <= delta, name


def test_the_bound_in_expectation_is_not_vacuous():
    values, _, gain, risk = two_level_case(20.0, 4.0, 1.0, 0.05, 1.0)
    assert 0 <= float(risk) < float(values["VB-UPPER-EXPECTATION"])
    values, *_ = two_level_case(1000.0, 4.0, 1.0, 0.05, 1.0)
    assert float(values["VB-UPPER-EXPECTATION"]) < 0.1 * float(gain)


@jax.jit
def general_case(support, data_budget, log2_class_size, radius, num_candidates):
    law = RewardLaw.equiprobable(support)
    setting = Setting.from_law(
        law,
        horizon=HORIZON,
        data_budget=data_budget,
        log2_class_size=log2_class_size,
        chi2_radius=radius,
        expert_radius=radius,
        num_candidates=num_candidates,
    )
    expert = chi2_ball_expert(law, radius)
    labels = label_lattice(law, data_budget, 1 << 12)
    gain = jnp.mean(expert.value - law.mean)

    def risk(policy):
        earned = jnp.mean(law.expectation(policy) - law.mean)
        return plug_in_risk(labels, log2_class_size, gain, earned)

    return (
        {name: BOUNDS[name].value(setting) for name in NAMES},
        risk(conditional_policy(law, expert.value)),
        risk(best_of_n_policy(law, num_candidates)),
        setting.coverage,
        conditional_coverage(setting),
    )


supports = st.lists(st.integers(0, 16), min_size=8, max_size=8)


@given(
    supports,
    st.integers(1, 200),
    st.integers(0, 40),
    st.floats(1e-3, 8.0),
    st.sampled_from([1.0, 2.0, 5.0, 17.0, 200.0]),
)
def test_plug_in_and_best_of_n_obey_their_forms(
    support, data_budget, log2_class_size, radius, num_candidates
):
    rows = jnp.array([support[:4], support[4:]], dtype=float)
    values, plug_in, best, coverage, conditional = general_case(
        rows, float(data_budget), float(log2_class_size), radius, num_candidates
    )
    assert float(plug_in) <= float(values["VB-UPPER-PLUG-IN"]) + 1e-9
    assert float(best) <= float(values["VB-UPPER-BEST-OF-N"]) + 1e-9
    assert float(conditional) <= float(coverage) + 1e-9
    assert float(values["VB-UPPER-EXPECTATION"]) <= float(values["VB-UPPER-PLUG-IN"]) + 1e-9


def test_without_coverage_the_bound_breaks():
    # A rare best return (c0 = 1/16): dropping 1/c0 claims too much of a mean risk.
    law = RewardLaw.equiprobable(jnp.array([[0.0] * 15 + [HORIZON]]))
    labels = label_lattice(law, jnp.asarray(16.0), 1 << 12)
    gain = jnp.asarray(HORIZON * 15 / 16)
    broken = 0
    for size in (1.0, 2.0, 3.0, 4.0):
        setting = Setting.from_law(
            law, horizon=HORIZON, data_budget=16.0, log2_class_size=size, chi2_radius=15.0
        )
        risk = float(plug_in_risk(labels, jnp.asarray(size), gain, gain))
        bound = float(BOUNDS["VB-UPPER-PLUG-IN"].value(setting))
        assert risk <= bound
        broken += risk > bound * float(setting.coverage)
    assert broken


def test_formulas_at_hand_computed_points():
    values, coverage, *_ = two_level_case(32.0, 3.0, 1.0, 0.125, 4.0)
    phi, most = 1 - 7 ** (-1 / 32), 1 - 56 ** (-1 / 32)
    assert float(coverage) == pytest.approx(0.5)
    expected = {
        "VB-UPPER": 32 * most,
        "VB-UPPER-EXPECTATION": 32 * phi,
        "VB-UPPER-PLUG-IN": 32 * phi,
        "VB-UPPER-BEST-OF-N": 16 * (4 * phi + 0.5**4),
        "VB-UPPER-SQUARED": 16 * np.sqrt(2 * most),
        # Labels without errors.
        "VB-UPPER-ERRORS": 32 * phi,
        "VB-UPPER-ERRORS-BEST-OF-N": 16 * (4 * phi + 0.5**4),
        "VB-UPPER-NOISE": 32 * phi,
        # Without an error of the estimate only luck of the draw is left.
        "VB-UPPER-MEAN-SQUARE": 0.0,
        "VB-UPPER-MEAN-SQUARE-BEST-OF-N": 16 * 0.5**4,
    }
    for name in NAMES:
        assert float(values[name]) == pytest.approx(expected[name]), name


def test_full_coverage_needs_no_samples():
    law = two_level(jnp.full(1, 8.0), jnp.full(1, 0.0))
    setting = Setting.from_law(
        law, horizon=HORIZON, data_budget=10.0, log2_class_size=2.0, chi2_radius=1.0
    )
    assert float(setting.coverage) == 1.0
    best_of_one = float(BOUNDS["VB-UPPER-BEST-OF-N"].value(setting))
    assert best_of_one == pytest.approx(float(BOUNDS["VB-UPPER-EXPECTATION"].value(setting)))
    partial = replace(setting, coverage=jnp.asarray(0.25), num_candidates=jnp.asarray(8.0))
    missed = float(BOUNDS["VB-UPPER-BEST-OF-N"].value(partial))
    assert missed == pytest.approx(HORIZON * (8 * (1 - 3**-0.1) + 0.75**8))
