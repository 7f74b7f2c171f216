"""Bi-level rewards: three descriptions of a trace, exhaustively on short traces."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from verigap.theory.rewards import (
    NEVER,
    check_bilevel,
    first_correct_from_return,
    first_correct_from_rewards,
    is_bilevel,
    return_at_budget,
    returns_from_rewards,
    rewards_from_first_correct,
)

HORIZON = 6
ALL_SEQUENCES = np.array(list(itertools.product([0, 1], repeat=HORIZON)), dtype=np.int32)
ALL_FIRST_CORRECT = jnp.array([*range(1, HORIZON + 1), NEVER], dtype=jnp.int32)


def never_falls(sequence):
    return all(later >= earlier for earlier, later in itertools.pairwise(sequence))


def test_bilevel_means_zero_or_one_and_never_falling():
    expected = [never_falls(sequence) for sequence in ALL_SEQUENCES]
    np.testing.assert_array_equal(is_bilevel(jnp.asarray(ALL_SEQUENCES)), expected)
    # There is one bi-level sequence for every first-correct index, and one that is never correct.
    assert sum(expected) == HORIZON + 1


@pytest.mark.parametrize("sequence", [[0, 0, 2], [-1, 0, 1], [0, 2, 3], [-1, -1, -1]])
def test_rising_rewards_other_than_zero_and_one_are_not_bilevel(sequence):
    assert not is_bilevel(jnp.array(sequence))
    with pytest.raises(ValueError, match="not 0 or 1"):
        check_bilevel(np.array(sequence))


def test_check_accepts_exactly_what_is_bilevel():
    for sequence in ALL_SEQUENCES:
        if never_falls(sequence):
            check_bilevel(sequence)
        else:
            with pytest.raises(ValueError, match="falls back to 0"):
                check_bilevel(sequence)


def test_check_names_the_first_offender_counting_tokens_from_one():
    with pytest.raises(ValueError, match="trace 2, token 4 falls back"):
        check_bilevel(np.array([[0, 0, 0, 1], [1, 1, 1, 1], [0, 1, 1, 0], [1, 0, 0, 0]]))


def test_check_refuses_half_a_reward_and_empty_traces():
    with pytest.raises(ValueError, match=r"token 2 is 0\.5"):
        check_bilevel(np.array([0.0, 0.5, 1.0]))
    with pytest.raises(ValueError, match="at least one token"):
        check_bilevel(np.zeros((3, 0)))
    with pytest.raises(ValueError, match="not 0 or 1"):
        check_bilevel(np.array([0.0, float("nan"), 1.0]))


def test_round_trips_through_all_three_descriptions():
    rewards = rewards_from_first_correct(ALL_FIRST_CORRECT, HORIZON)
    assert np.asarray(is_bilevel(rewards)).all()
    np.testing.assert_array_equal(first_correct_from_rewards(rewards), ALL_FIRST_CORRECT)
    returns = returns_from_rewards(rewards)
    np.testing.assert_array_equal(returns, [6, 5, 4, 3, 2, 1, 0])
    np.testing.assert_array_equal(return_at_budget(ALL_FIRST_CORRECT, HORIZON), returns)
    np.testing.assert_array_equal(first_correct_from_return(returns, HORIZON), ALL_FIRST_CORRECT)


def test_return_at_a_smaller_budget_is_the_return_of_the_cut_trace():
    rewards = rewards_from_first_correct(ALL_FIRST_CORRECT, HORIZON)
    for budget in range(1, HORIZON + 1):
        cut = returns_from_rewards(rewards[:, :budget])
        np.testing.assert_array_equal(return_at_budget(ALL_FIRST_CORRECT, budget), cut)


def test_never_does_not_overflow_at_huge_budgets():
    first_correct = jnp.array([1, NEVER], dtype=jnp.int32)
    returns = return_at_budget(first_correct, 2**31 - 2)
    np.testing.assert_array_equal(returns, [2**31 - 2, 0])


def test_works_under_jit_and_keeps_batch_axes():
    rewards = jnp.asarray(ALL_SEQUENCES).reshape(8, 8, HORIZON)
    assert jax.jit(first_correct_from_rewards)(rewards).shape == (8, 8)
    times = jnp.arange(1, 9).reshape(2, 4)
    assert jax.jit(lambda t: rewards_from_first_correct(t, 5))(times).shape == (2, 4, 5)
