"""VF-UPPER against exact violation probabilities, and the optimality of its constant."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, stats

from verigap.theory.binomial_lattices import two_level_lattice
from verigap.theory.bounds import BOUNDS, Setting
from verigap.theory.bounds.vf_upper import hellinger_budget
from verigap.theory.families import two_level
from verigap.theory.risks.vf_mle import probability_correct

CELLS = 1 << 12
HORIZON = 16.0


def number(value):
    return jnp.asarray(float(value))


@jax.jit
def setting_of(data_budget, log2_class_size, tilt, delta):
    law = two_level(jnp.full(1, HORIZON / 2), jnp.full(1, HORIZON / 2))
    return Setting.from_law(
        law,
        horizon=HORIZON,
        data_budget=data_budget,
        log2_class_size=log2_class_size,
        chi2_radius=1.0,
        expert_radius=tilt**2,
        failure_probability=delta,
    )


bound_of = jax.jit(BOUNDS["VF-UPPER"].value)
mean_of = jax.jit(BOUNDS["VF-UPPER-EXPECTATION"].value)


@jax.jit
def chance_wrong(data_budget, log2_class_size, tilt):
    lattice = two_level_lattice(data_budget, tilt, log2_class_size, CELLS)
    return 1.0 - probability_correct(lattice, log2_class_size)


@given(st.integers(1, 1000), st.integers(0, 60), st.floats(1e-3, 1.0), st.floats(1e-6, 0.5))
def test_mle_exceeds_the_bound_with_probability_at_most_delta(
    data_budget, log2_class_size, tilt, delta
):
    # A wrong codeword loses the whole gain, a right one nothing: one number to compare.
    setting = setting_of(float(data_budget), float(log2_class_size), tilt, delta)
    wrong = float(chance_wrong(float(data_budget), float(log2_class_size), tilt))
    loss = tilt * HORIZON / 2
    exceeded = loss > float(bound_of(setting)) * (1 + 1e-9)
    assert not exceeded or wrong <= delta
    assert wrong * loss <= float(mean_of(setting)) * (1 + 1e-9) + 1e-12


def test_half_the_bound_is_exceeded_too_often():
    # d = 20, n = 4096, tilt 0.1: the instance of the negative control.
    setting = setting_of(4096.0, 20.0, 0.1, 0.05)
    half = 0.5 * float(bound_of(setting))
    assert half < 0.1 * HORIZON / 2 < 2 * half
    assert float(chance_wrong(4096.0, 20.0, 0.1)) > 0.05


@pytest.mark.parametrize("data_budget", [10**6, 10**9])
def test_two_hypotheses_come_near_the_constant(data_budget):
    # One prompt, returns 0 and H, a fair expert, an alternative that plays the good trace with
    # chance 1/2 - z. MLE errs when good traces are too few; z is set so that this has chance delta.
    log_delta = -120 * np.log(10)

    def log_error(z):
        up, down = np.log1p(2 * z), np.log1p(-2 * z)
        most = np.floor(data_budget * up / (up - down))
        return stats.binom.logcdf(most, data_budget, 0.5)

    def excess(z):
        return log_error(z) - log_delta

    ends = (1e-2 / np.sqrt(data_budget), 100 / np.sqrt(data_budget))
    z = optimize.root_scalar(excess, bracket=ends).root
    setting = replace(
        setting_of(float(data_budget), 1.0, 0.5, 0.05),
        failure_probability=number(1e-120),
        expert_sd=number(HORIZON / 2),
        expert_mean_max=number(HORIZON / 2),
    )
    ratio = float(z) * HORIZON / float(bound_of(setting))
    assert 0.95 < ratio < 1.0


@given(st.integers(1, 10**6), st.integers(0, 200), st.floats(1e-9, 0.9))
def test_simpler_form_is_weaker(data_budget, log2_class_size, delta):
    setting = setting_of(float(data_budget), float(log2_class_size), 0.5, delta)
    budget = 2 * (log2_class_size * np.log(2) - np.log(delta)) / data_budget
    assert float(hellinger_budget(setting)) <= min(budget, 1.0) + 1e-12
    simple = 2 * float(setting.expert_sd) * np.sqrt(budget)
    simple += float(setting.expert_mean_max) * budget
    assert float(bound_of(setting)) <= simple * (1 + 1e-12)


def test_formula_at_a_hand_computed_point():
    # n = 2 ln(rivals/delta) makes v = 1 - 1/e.
    setting = replace(
        setting_of(1.0, 3.0, 0.5, 0.05),
        data_budget=number(2 * np.log(7 / 0.05)),
        expert_sd=number(3.0),
        expert_mean_max=number(5.0),
    )
    v = 1 - np.exp(-1)
    assert float(bound_of(setting)) == pytest.approx(6 * np.sqrt(v) + 5 * v)


SHARES = np.concatenate([np.geomspace(1e-7, 0.5, 3000), 1 - np.geomspace(1e-7, 0.5, 1500)])


@given(
    st.integers(1, 1000),
    st.one_of(st.just(2), st.integers(2, 1 << 20)),
    st.sampled_from([0.0, 0.1, 3.0, 8.0]),
    st.sampled_from([0.0, 0.5, 8.0, 16.0]),
)
def test_mean_form_is_the_least_over_thresholds(data_budget, size, sd, mean):
    setting = replace(
        setting_of(float(data_budget), float(np.log2(size)), 0.5, 0.05),
        expert_sd=number(sd),
        expert_mean_max=number(mean),
    )
    value = float(mean_of(setting))
    loss = 2 * sd * np.sqrt(SHARES * (1 - SHARES)) + mean * SHARES
    survive = (size - 1) * (1 - SHARES) ** (data_budget / 2)

    def above(threshold):
        return threshold + np.max(np.maximum(loss - threshold, 0.0) * survive)

    thresholds = np.linspace(0.0, loss.max(), 800)
    least = min(above(t) for t in thresholds)
    assert value <= min(least, mean) * (1 + 1e-3) + 1e-12
    # Any threshold gives a bound; a grid of them misses the least by little.
    step = thresholds[1] - thresholds[0] if sd + mean > 0 else 0.0
    assert value >= min(least - step, mean) * (1 - 1e-3) - 1e-12


def test_mean_form_at_hand_computed_points():
    def value(size, traces, sd, mean):
        setting = replace(
            setting_of(float(traces), float(np.log2(size)), 0.5, 0.05),
            expert_sd=number(sd),
            expert_mean_max=number(mean),
        )
        return float(mean_of(setting))

    # Many rivals: g at s = 1 - 9^(-2/4) = 2/3.
    assert value(10, 4, 3.0, 15.0) == pytest.approx(6 * np.sqrt(2) / 3 + 10)
    # One rival, sigma = 0: phi(2, n/2) mu; mu = 0: all is capped at the expert's value, 0.
    assert value(2, 4, 0.0, 15.0) == pytest.approx(15 * 4 / 27)
    assert value(2, 4, 5.0, 0.0) == 0.0
    # No rival at all.
    assert value(1, 4, 5.0, 8.0) == 0.0
    assert value(1024, 1, 8.0, 2.0) == pytest.approx(2.0)


def test_mean_form_gains_on_the_integrated_tail():
    # At sigma = mu = H/2, n = 4,096, d = 10: what stood in docs/theory.md before.
    setting = replace(
        setting_of(4096.0, 10.0, 0.5, 0.05),
        expert_sd=number(HORIZON / 2),
        expert_mean_max=number(HORIZON / 2),
    )
    rate = 2 * (10 * np.log(2) + 1) / 4096
    before = HORIZON * np.sqrt(rate) + HORIZON / 2 * rate
    assert before / float(mean_of(setting)) == pytest.approx(1.073, abs=2e-3)
