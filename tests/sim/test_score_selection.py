"""Selection by a score on the laws that the calculator takes."""

import math

import numpy as np
import pytest
from pydantic import TypeAdapter

from verigap.sim.score_selection import checked_roc, law_as_given, score_selection
from verigap.sim.sweeps.laws import LawSpec
from verigap.theory import RewardLaw, best_of_n_policy, chi2_ball_expert
from verigap.theory.arrays import host_array

SUCCESS = RewardLaw(host_array([[0.0, 8.0]]), host_array([[0.75, 0.25]]))


def test_by_hand() -> None:
    # Levels from the top: wrong .01 .09 .9, right .05 .75 .2; success 1/4.
    found = score_selection(SUCCESS, [(0.01, 0.95), (0.1, 0.2)], 2)
    mass = np.array([0.0075 + 0.0125, 0.0675 + 0.1875, 0.675 + 0.05])
    right = np.array([0.0125, 0.1875, 0.05])
    below = 1 - np.cumsum(mass)
    picked = (1 - below**2) - np.concatenate([[0.0], (1 - below**2)[:-1]])
    assert found.best_of_n == pytest.approx(8 * float(picked @ (right / mass)))
    assert found.base == pytest.approx(2.0)
    assert found.success == pytest.approx(0.25)
    # (0, 0), (.01, .05), (.1, .8), (1, 1).
    assert found.area == pytest.approx(0.01 * 0.025 + 0.09 * 0.425 + 0.9 * 0.9)
    strict, loose = found.thresholds
    assert strict.value == pytest.approx(8 * 0.0125 / 0.02)
    assert strict.draws == pytest.approx(50)
    assert loose.value == pytest.approx(8 * 0.2 / 0.275)
    assert loose.draws == pytest.approx(1 / 0.275)
    assert found.limit == pytest.approx(strict.value)
    # Half of the base: both levels, and a part of the lowest.
    assert found.rejection == pytest.approx(8 * (0.2 + 0.225 * 0.05 / 0.725) / 0.5)
    assert found.falls


def test_an_exact_check_is_pass_at_n() -> None:
    found = score_selection(SUCCESS, [(0.0, 0.0)], 5)
    assert found.best_of_n == pytest.approx(8 * (1 - 0.75**5))
    assert found.best_of_n == pytest.approx(
        float(SUCCESS.expectation(best_of_n_policy(SUCCESS, 5.0))[0])
    )
    assert found.area == 1.0
    assert found.best_num_candidates is None
    assert not found.falls
    assert found.best_value == found.limit == pytest.approx(8.0)
    # Four draws on average find a right trace for certain.
    assert score_selection(SUCCESS, [(0.0, 0.0)], 4).rejection == pytest.approx(8.0)


def test_a_threshold_that_nothing_reaches() -> None:
    law = RewardLaw(host_array([0.0, 8.0]), host_array([[0.75, 0.25], [1.0, 0.0]]))
    never, sometimes = score_selection(law, [(0.0, 0.5), (0.2, 0.1)], 4).thresholds
    assert never.value is None
    assert math.isinf(never.draws)
    assert sometimes.value == pytest.approx(8 * 0.225 / 0.375 / 2)
    assert sometimes.draws == pytest.approx((1 / 0.375 + 5) / 2)


@pytest.mark.parametrize(
    ("roc", "words"),
    [
        ([(0.1, 1.5)], "error rates must be in"),
        ([(float("nan"), 0.1)], "error rates must be in"),
        ([(0.2, 0.5), (0.1, 0.2)], "false positives must rise"),
        ([(0.1, 0.2), (0.2, 0.5)], "not 0.1:0.2 before 0.2:0.5"),
    ],
)
def test_what_is_no_curve(roc: list[tuple[float, float]], words: str) -> None:
    with pytest.raises(ValueError, match=f"^roc: .*{words}"):
        checked_roc(roc)


def spec(**parameters: object) -> LawSpec:
    return TypeAdapter(LawSpec).validate_python(parameters)


def test_laws_before_they_are_made_equally_likely() -> None:
    rare = law_as_given(spec(family="geometric", rate=0.001), 8)
    assert float(rare.probabilities[0, 0]) == pytest.approx(0.999**8)
    two = law_as_given("two-level", 8)
    assert np.asarray(two.atoms).tolist() == [[0.0, 8.0]]
    listed = law_as_given(spec(family="returns", returns=[[0.5, 0.0], [1.0, 0.25]]), 8)
    assert np.asarray(listed.atoms).tolist() == [[0.0, 4.0], [2.0, 8.0]]
    given = law_as_given(RewardLaw.checked(np.array([0.0, 8.0]), np.array([0.9, 0.1])), 8)
    assert given.probabilities.shape == (1, 2)
    # Sixteen equally likely traces would not hold a success of one in a hundred.
    found = score_selection(rare, [(0.0, 0.0)], 1)
    assert found.success == pytest.approx(1 - 0.999**8)
    assert float(chi2_ball_expert(given, 1.0).value[0]) > 0.8
