"""Lemma 5: the mean error of the worst surviving rival, in closed form and by brute force."""

from fractions import Fraction
from itertools import product
from math import log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize

from tests.theory.games import half_horizon_game_on_host
from verigap.theory.arrays import host_array
from verigap.theory.bounds.example import example_setting
from verigap.theory.bounds.survivors import (
    expected_worst_error,
    worst_error,
    worst_error_at_confidence,
)


def phi(rivals: float, traces: float) -> float:
    return float(expected_worst_error(host_array(log(rivals)), host_array(traces)))


@given(st.integers(1, 10**6), st.integers(1, 10**4))
def test_closed_form_is_the_least_over_thresholds(rivals: int, traces: int) -> None:
    # t + m max_e (e - t)(1 - e)^n, the inner maximum at e = (1 + nt)/(n + 1).
    def above(threshold: np.ndarray) -> np.ndarray:
        log_summand = (traces + 1) * np.log1p(-threshold) - traces * np.log1p(1 / traces)
        return threshold + rivals * np.exp(log_summand) / (traces + 1)

    grid = np.concatenate([[0.0], np.geomspace(1e-9, 0.5, 9000), 1 - np.geomspace(1e-9, 0.5, 9000)])
    least = above(grid).min()
    assert phi(rivals, traces) <= least * (1 + 1e-12)
    assert phi(rivals, traces) == pytest.approx(least, rel=1e-4)


@pytest.mark.parametrize("traces", [1, 2, 3, 7])
def test_summand_is_largest_where_the_proof_says(traces: int) -> None:
    for threshold in (0.0, 0.1, 0.6):
        errors = np.linspace(threshold, 1, 100_001)
        values = (errors - threshold) * (1 - errors) ** traces
        largest = (1 - threshold) ** (traces + 1) * traces**traces / (traces + 1) ** (traces + 1)
        assert values.max() == pytest.approx(largest, rel=1e-8)
        place = (1 + traces * threshold) / (traces + 1)
        assert errors[values.argmax()] == pytest.approx(place, abs=1e-5)


def worst_law(errors: list[float], traces: int) -> float:
    """Largest mean of the worst surviving error over all joint laws of the survivals, by an LP."""
    outcomes = np.array(list(product([0, 1], repeat=len(errors))))
    worst = (outcomes * errors).max(axis=1)
    survive = (1 - np.asarray(errors)) ** traces
    solved = optimize.linprog(
        -worst,
        A_eq=np.vstack([outcomes.T, np.ones(len(outcomes))]),
        b_eq=[*survive, 1.0],
        bounds=(0, 1),
    )
    return -float(solved.fun)


@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=6), st.integers(1, 12))
def test_no_rivals_and_no_joint_law_exceed_it(errors: list[float], traces: int) -> None:
    assert worst_law(errors, traces) <= phi(len(errors), traces) + 1e-9


@pytest.mark.parametrize("rivals", [1, 2, 3, 6])
@pytest.mark.parametrize("traces", [1, 2, 5, 20])
def test_some_joint_law_attains_it(rivals: int, traces: int) -> None:
    # Rivals of one error that never survive together, so that it cannot be improved in general.
    error = max(1 / (traces + 1), 1 - rivals ** (-1 / traces))
    found = worst_law([error] * rivals, traces)
    assert found == pytest.approx(phi(rivals, traces), rel=1e-9)


def test_one_rival_attains_it_exactly() -> None:
    for traces in (1, 2, 9, 100):
        error = Fraction(1, traces + 1)
        attained = error * (1 - error) ** traces
        assert phi(1, traces) == pytest.approx(float(attained), rel=1e-13)


def test_at_least_independent_rivals_and_never_above_the_logarithm() -> None:
    for rivals, traces in product([1, 2, 3, 7, 1023], [1, 2, 64, 4096]):
        error = max(1 / (traces + 1), 1 - rivals ** (-1 / traces))
        independent = error * (1 - (1 - (1 - error) ** traces) ** rivals)
        assert independent <= phi(rivals, traces) * (1 + 1e-12)
        if rivals >= 3:
            assert phi(rivals, traces) <= log(rivals) / traces


def test_what_the_lemma_gains_over_the_integrated_tail() -> None:
    # (ln M + 1)/n, what stood here before.
    gains = {
        (2, 10**6): 4.60, (1024, 64): 1.206, (1024, 2): 4.09,
    }  # fmt: skip
    for (size, traces), gain in gains.items():
        assert (log(size) + 1) / traces / phi(size - 1, traces) == pytest.approx(gain, abs=5e-3)


@given(st.integers(1, 60), st.integers(1, 1 << 16), st.floats(1e-9, 0.9))
def test_confidence_is_the_union_bound_solved(size: int, traces: int, delta: float) -> None:
    made = example_setting(
        log2_class_size=float(size), data_budget=float(traces), failure_probability=delta
    )
    error = float(worst_error_at_confidence(made))
    assert 1 - error == pytest.approx((delta / (2.0**size - 1)) ** (1 / traces), rel=1e-9)
    assert error <= (size * log(2) - log(delta)) / traces


def test_a_class_of_one_has_no_rival() -> None:
    made = half_horizon_game_on_host(8.0, 4.0, 0.0, 0.1)
    assert float(worst_error(made)) == float(worst_error_at_confidence(made)) == 0.0
