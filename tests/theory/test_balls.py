"""Balls around the base: projections, what every divergence promises, and gains of unknown laws."""

from math import log

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.theory.test_gibbs import K, host_law, returns, weights
from verigap.theory import (
    RewardLaw,
    kl_ball_expert,
    kl_saturation_radius,
    policy_chi2,
    policy_kl,
    project_onto_kl_ball,
)
from verigap.theory.arrays import Array, host_array
from verigap.theory.balls import BALLS, Ball, largest_gain

pytestmark = [pytest.mark.smoke, pytest.mark.usefixtures("unchecked_annotations")]

ratios = st.lists(st.integers(0, 5), min_size=K, max_size=K)


def policy(law: RewardLaw, raw: list[int]) -> Array | None:
    tilted = np.asarray(raw, float) * np.where(np.asarray(law.probabilities) > 0, 1.0, 0.0)
    total = float(law.probabilities @ tilted)
    return host_array(tilted / total) if total > 0 else None


@given(weights, ratios, ratios, st.floats(0.0, 3.0))
def test_projection_is_the_nearest_policy_of_the_kl_ball(mass, first, second, radius):
    law = host_law(list(range(K)), mass)
    far, other = policy(law, first), policy(law, second)
    assume(far is not None and other is not None)
    assert far is not None
    assert other is not None
    moved = project_onto_kl_ball(law, far, radius)
    probabilities = np.asarray(law.probabilities)
    assert probabilities @ moved == pytest.approx(1.0)
    distance = float(policy_kl(law, far))
    if distance <= radius:
        np.testing.assert_array_equal(moved, far)
        return
    assert float(policy_kl(law, moved)) == pytest.approx(radius, rel=1e-9, abs=1e-12)
    inside = project_onto_kl_ball(law, other, radius)
    if probabilities @ (moved * (far == 0)) > 1e-12:
        # No policy of the ball keeps to what the far one plays; none plays the rest less.
        assert probabilities @ (inside * (far == 0)) >= probabilities @ (moved * (far == 0)) - 1e-9
        return

    def relative(policy: Array, base: Array) -> float:
        played = (policy > 0) & (probabilities > 0)
        if (base[played] <= 0).any():
            return np.inf
        terms = (
            probabilities * policy * np.log(np.where(played, policy, 1) / np.where(played, base, 1))
        )
        return float(terms[played].sum())

    # The Pythagorean inequality of information projections.
    assert relative(inside, moved) + relative(moved, far) <= relative(inside, far) + 1e-7


def test_a_projection_keeps_to_what_the_policy_plays_where_it_can():
    law = host_law([0, 1, 2, 3, 4, 5], [1] * 6)
    far = host_array(np.asarray([0.0, 0.1, 0.1, 0.2, 0.6, 5.0]))
    needed = log(6 / 5)
    moved = project_onto_kl_ball(law, far, 1.5 * needed)
    assert float(policy_kl(law, moved)) == pytest.approx(1.5 * needed)
    assert float(moved[0]) == 0.0
    # The logarithms of the ratios are those of the policy times t.
    ours, theirs = np.log(moved[2:] / moved[1]), np.log(far[2:] / far[1])
    np.testing.assert_allclose(ours, ours[-1] / theirs[-1] * theirs, atol=1e-12)
    # In a smaller ball the first trace is played, as little as can be, and the others alike.
    small = project_onto_kl_ball(law, far, 0.5 * needed)
    assert float(policy_kl(law, small)) == pytest.approx(0.5 * needed)
    np.testing.assert_allclose(small[1:], small[1])
    assert 0 < float(small[0]) < 1


@pytest.mark.parametrize("ball", BALLS.values(), ids=BALLS)
def test_every_ball_keeps_its_promises(ball: Ball):
    assert BALLS[ball.name] is ball
    law = host_law([0, 2, 3, 7, 7, 9], [3, 1, 2, 1, 1, 1])
    most = float(ball.saturation_radius(law))
    rng = np.random.default_rng(0)
    for radius in (0.05 * most, 0.5 * most, most, 2 * most):
        expert = ball.expert(law, radius)
        assert float(ball.distance(law, expert.density_ratio)) <= radius * (1 + 1e-9)
        np.testing.assert_allclose(
            ball.project(law, expert.density_ratio, radius * (1 + 1e-9)), expert.density_ratio
        )
        assert float(expert.chi2) == pytest.approx(float(policy_chi2(law, expert.density_ratio)))
        for _ in range(20):
            raw = rng.gamma(0.3, size=K)
            ratio = ball.project(law, host_array(raw / float(law.probabilities @ raw)), radius)
            assert float(ball.distance(law, ratio)) <= radius * (1 + 1e-9)
            assert float(law.expectation(ratio)) <= float(expert.value) + 1e-9
    alone = ball.expert(law, most).density_ratio
    np.testing.assert_allclose(alone, [0, 0, 0, 0, 0, 9], atol=1e-9)


@pytest.mark.parametrize("ball", BALLS.values(), ids=BALLS)
@given(returns, weights, st.floats(1e-6, 3.0))
def test_no_law_with_these_moments_gains_more(ball: Ball, support, mass, radius):
    law = host_law(support, mass)
    assume(float(law.variance) > 0)
    room = 16.0 - law.mean
    assume(float(room) > 1e-9)
    most = float(largest_gain(ball, law.sd, room, host_array(radius)))
    assert float(ball.expert(law, radius).gain) <= most * (1 + 1e-9)


@pytest.mark.parametrize("ball", BALLS.values(), ids=BALLS)
def test_two_returns_gain_the_most_there_is(ball: Ball):
    law = host_law([0, 0, 0, 0, 0, 12], [1, 1, 1, 1, 1, 1])
    for radius in (1e-4, 0.01, 0.3, 1.0, 1.7, 9.0):
        most = float(largest_gain(ball, law.sd, 12.0 - law.mean, host_array(radius)))
        assert float(ball.expert(law, radius).gain) == pytest.approx(most, rel=1e-12)


@given(returns, weights, st.floats(1e-6, 5.0))
def test_the_radius_of_a_chi_square_distance(support, mass, chi2):
    law = host_law(support, mass)
    radius = float(BALLS["kl"].radius_within_chi2(law, host_array(chi2)))
    found = float(kl_ball_expert(law, radius).chi2)
    assert found <= chi2
    if radius < float(kl_saturation_radius(law)) * (1 - 1e-6):
        assert found == pytest.approx(chi2, rel=1e-6)
