"""Choosing among sampled traces: against enumeration, and against the leash it must keep."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from verigap.sim.planted.learners.selection import best_of_n_value, projected_value, tilted_value

SCORES = st.lists(st.sampled_from([0.0, 0.5, 1.0, 2.0]), min_size=6, max_size=6)


@given(
    scores=SCORES,
    returns=st.lists(st.integers(0, 9), min_size=6, max_size=6),
    num_candidates=st.integers(1, 6),
)
def test_best_of_n_averages_over_all_subsets(scores, returns, num_candidates):
    expected = []
    for subset in itertools.combinations(range(6), num_candidates):
        top = max(scores[i] for i in subset)
        winners = [returns[i] for i in subset if scores[i] == top]
        expected.append(np.mean(winners))
    value = best_of_n_value(np.asarray([scores]), np.asarray([returns], float), num_candidates)
    assert value[0] == pytest.approx(np.mean(expected), abs=1e-9)


def test_a_pool_smaller_than_n_is_refused():
    with pytest.raises(ValueError, match="best-of-5 needs at least 5 samples, not 4"):
        best_of_n_value(np.zeros((1, 4)), np.zeros((1, 4)), 5)


def test_a_perfect_score_reaches_the_expert_of_the_pool():
    returns = np.asarray([[0.0, 0.0, 0.0, 4.0, 8.0, 10.0, 12.0, 16.0]])
    # docs/theory.md: J*(1) = 12 for these atoms.
    assert tilted_value(returns, returns, 1.0)[0] == pytest.approx(12.0)


@given(scores=SCORES, kappa=st.floats(0.01, 3.0), seed=st.integers(0, 99))
def test_no_score_beats_the_ceiling_of_the_ball(scores, kappa, seed):
    returns = np.random.default_rng(seed).uniform(0, 16, (1, 6))
    value = tilted_value(np.asarray([scores]), returns, kappa)
    ceiling = returns.mean() + returns.std() * kappa**0.5
    best = tilted_value(returns, returns, kappa)
    assert value[0] <= best[0] + 1e-9 <= ceiling + 2e-9


def test_equal_scores_leave_the_base():
    returns = np.asarray([[1.0, 5.0, 6.0]])
    assert tilted_value(np.full((1, 3), 0.7), returns, 2.0)[0] == pytest.approx(4.0)


def test_projection_moves_along_the_segment_to_the_base():
    base, value = np.asarray([2.0, 2.0]), np.asarray([6.0, 6.0])
    chi2 = np.asarray([4.0, 0.5])
    assert projected_value(value, base, chi2, 1.0) == pytest.approx([4.0, 6.0])


@given(seed=st.integers(0, 99), kappa=st.floats(0.01, 2.0))
def test_the_projected_policy_has_the_leash_s_chi_square(seed, kappa):
    rng = np.random.default_rng(seed)
    base, policy = rng.dirichlet(np.ones(5)), rng.dirichlet(np.ones(5))
    returns = rng.uniform(0, 10, 5)
    ratio = policy / base
    chi2 = base @ (ratio - 1) ** 2
    share = min(1.0, (kappa / chi2) ** 0.5)
    mixed = base * (1 + share * (ratio - 1))
    value = projected_value(
        np.asarray([policy @ returns]), np.asarray([base @ returns]), np.asarray([chi2]), kappa
    )
    assert value[0] == pytest.approx(mixed @ returns)
    assert base @ (mixed / base - 1) ** 2 <= kappa + 1e-9
