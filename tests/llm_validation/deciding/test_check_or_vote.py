"""Checks placed on a pool: rates by counting, accuracies by all sets of N and all verdicts."""

import itertools

import numpy as np
import pytest

from tests.llm_validation.deciding.made_outcomes import made
from verigap.llm_validation.deciding.check_or_vote import place_checks, pool_frontier, vote_values
from verigap.llm_validation.deciding.erring_check import checked_accuracy

N = 2
RIGHT = np.array([[1, 1, 0, 0], [0, 0, 0, 1], [1, 0, 0, 0]])
ANSWER = np.array([[0, 0, 1, 2], [0, 0, 1, 2], [0, 1, 1, -1]])
SCORE = np.array([[0.9, 0.2, 0.6, 0.1], [0.7, 0.8, 0.3, 0.4], [0.5, 0.5, np.nan, 0.0]])
FOUND = made(RIGHT, answer=ANSWER, score=SCORE)


def mean_pick(accepted: np.ndarray) -> float:
    """Over all pairs of samples of each prompt; a random one where none is accepted."""
    values = []
    for right, yes in zip(RIGHT, accepted, strict=True):
        for pair in itertools.combinations(range(4), N):
            among = [i for i in pair if yes[i]] or pair
            values.append(np.mean([right[i] for i in among]))
    return float(np.mean(values))


def by_answer(false_positive: float, false_negative: float, n: int = N) -> float:
    """Over all verdicts of the answers of a prompt; here no answer is right and wrong."""
    total = 0.0
    for verdicts in itertools.product([False, True], repeat=4):
        yes = np.array(verdicts)[ANSWER]
        chances = np.zeros((3, 4))
        for prompt, answer in itertools.product(range(3), (-1, 0, 1, 2)):
            own = RIGHT[prompt][ANSWER[prompt] == answer]
            # An answer that a prompt lacks may have any verdict.
            good = 1 - false_negative if own.any() else false_positive
            chances[prompt, answer] = good if verdicts[answer] else 1 - good
        # Prompts have verdicts of their own: weigh each prompt by its own chance.
        for prompt in range(3):
            single = []
            for pair in itertools.combinations(range(4), n):
                among = [i for i in pair if yes[prompt][i]] or pair
                single.append(np.mean([RIGHT[prompt][i] for i in among]))
            total += chances[prompt].prod() * float(np.mean(single)) / 3
    return total


def test_rates_and_accuracies_by_counting() -> None:
    (placed,) = place_checks(FOUND, [0.5], N, seed=0, draws=4000)
    wrong, right = SCORE[RIGHT == 0], SCORE[RIGHT == 1]
    assert placed.false_positive == pytest.approx((wrong >= 0.5).sum() / 8) == pytest.approx(4 / 8)
    assert placed.false_negative == pytest.approx((~(right >= 0.5)).sum() / 4) == pytest.approx(0.5)
    assert placed.measured == pytest.approx(mean_pick(SCORE >= 0.5))
    counts = RIGHT.sum(axis=1), np.full(3, 4)
    assert placed.fresh == pytest.approx(checked_accuracy(*counts, N, 0.5, 0.5))
    assert placed.by_answer == pytest.approx(by_answer(0.5, 0.5), abs=0.02)
    own = [
        checked_accuracy(np.array([RIGHT[x].sum()]), np.array([4]), N, p, q)
        for x, (p, q) in enumerate([(1 / 2, 1 / 2), (2 / 3, 1.0), (1 / 3, 0.0)])
    ]
    assert placed.by_prompt == pytest.approx(np.mean(own))
    estimate, low, high = placed.lead
    assert estimate == pytest.approx(placed.measured - placed.vote)
    assert -1 <= low <= estimate <= high <= 1


def test_answers_have_verdicts_of_their_own() -> None:
    good = np.where(RIGHT > 0, 1.0, 0.0)
    good[0, 0], good[1, 0] = 0.0, 1.0
    (placed,) = place_checks(made(RIGHT, answer=ANSWER, score=good), [0.5], 3, seed=1, draws=5000)
    rates = placed.false_positive, placed.false_negative
    assert rates == pytest.approx((1 / 8, 1 / 4))
    expected = by_answer(*rates, n=3)
    assert placed.by_answer == pytest.approx(expected, abs=0.005)


def test_the_interval_of_the_lead_is_narrow_over_many_prompts_that_are_alike() -> None:
    tile = (80, 1)
    many = made(
        np.tile(RIGHT[:1], tile), answer=np.tile(ANSWER[:1], tile), score=np.tile(SCORE[:1], tile)
    )
    (placed,) = place_checks(many, [0.5], N, seed=0, draws=1)
    estimate, low, high = placed.lead
    assert estimate - 0.1 < low <= estimate <= high < estimate + 0.1


def test_on_the_frontier_fresh_errors_are_as_good_as_the_vote() -> None:
    vote = float(vote_values(FOUND, N, seed=0).mean())
    rates = np.array([0.0, 0.1, 0.2, 1.0])
    edges = pool_frontier(FOUND, N, rates, vote)
    assert edges.crosses.tolist() == [True, True, True, False]
    for p, q in zip(rates[:3], edges.at[:3], strict=True):
        counts = RIGHT.sum(axis=1), np.full(3, 4)
        assert checked_accuracy(*counts, N, float(p), float(q)) == pytest.approx(vote, abs=1e-7)
    (placed,) = place_checks(FOUND, [0.9], N, seed=0, draws=1)
    assert placed.false_positive == 0
    assert placed.frontier == pytest.approx(edges.at[0])


def test_a_pool_without_scores_or_without_both_kinds_is_refused() -> None:
    for found in (made(RIGHT, answer=ANSWER), made(np.ones((2, 4)), score=np.ones((2, 4)))):
        with pytest.raises(ValueError, match="a check needs scores"):
            place_checks(found, [0.5], N, seed=0)
