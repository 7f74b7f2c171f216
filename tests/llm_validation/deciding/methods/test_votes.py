"""Votes along random orders, stopped early or with an N for each difficulty, against scripts."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.llm_validation.deciding.made_outcomes import made, samples_of_one
from verigap.llm_validation.deciding import arms
from verigap.llm_validation.deciding.methods.adaptive_votes import adaptive_votes
from verigap.llm_validation.deciding.methods.early_stopping import stopped_votes
from verigap.llm_validation.deciding.methods.orders import (
    first_of_orders,
    random_orders,
    votes_along,
)
from verigap.llm_validation.deciding.outcomes import Outcomes

SIZE = 6


def test_each_sample_is_at_each_place_as_often() -> None:
    found = made(np.zeros((2, SIZE)))
    orders = random_orders(found, 4, seed=3)
    for prompt in orders:
        assert all(len(set(order)) == 4 for order in prompt.tolist())
        counts = [np.bincount(place, minlength=SIZE) for place in prompt.T]
        np.testing.assert_array_equal(counts, len(prompt) / SIZE)
    assert len({tuple(order) for order in orders[0].tolist()}) > 100


@given(samples_of_one(SIZE), st.integers(1, SIZE))
def test_votes_along_an_order(samples: dict[str, np.ndarray], look: int) -> None:
    found = made(**samples)
    orders = random_orders(found, SIZE, seed=1)[:, :12]
    votes = votes_along(found, orders, range(1, SIZE + 1))
    sets = first_of_orders(found, orders, look)
    reward = found.rewards["accuracy"]
    np.testing.assert_allclose(votes.values[look - 1].mean(), arms.vote(sets, reward)[0])
    for draw, order in enumerate(orders[0].tolist()):
        answers = [found.answer[0, sample] for sample in order[:look]]
        counts = Counter(answer for answer in answers if answer >= 0).most_common()
        most = [count for _, count in [*counts, (0, 0), (0, 0)][:2]]
        assert [votes.leader[look - 1, 0, draw], votes.rival[look - 1, 0, draw]] == most
        spent = found.length[0, order[:look]].sum()
        np.testing.assert_allclose(votes.tokens[look - 1, 0, draw], spent)


@given(samples_of_one(SIZE), st.sampled_from([0.0, 0.3, 0.7]))
def test_a_stopped_vote_order_by_order(samples: dict[str, np.ndarray], error: float) -> None:
    found = made(**samples)
    votes = votes_along(found, random_orders(found, SIZE, seed=2), range(1, SIZE + 1))
    both = stopped_votes(votes, error)
    stops = [both.rule.stops(votes.leader[n - 1], votes.rival[n - 1], n)[0] for n in votes.looks]
    values, drawn = [], []
    for draw in range(votes.values.shape[2]):
        look = next(n for n in votes.looks if stops[n - 1][draw])
        values.append(votes.values[look - 1, 0, draw])
        drawn.append(look)
    assert both.stopped.values[0] == pytest.approx(np.mean(values))
    assert both.stopped.samples[0] == pytest.approx(np.mean(drawn))
    assert both.saved >= 0 or np.isnan(both.saved)


def easy_and_hard(prompts: int = 40, samples: int = 24) -> Outcomes:
    """Half the prompts always give the right answer, the others do so in 45 of 100 samples."""
    rng = np.random.default_rng(4)
    right = np.ones((prompts, samples), bool)
    right[1::2] = rng.random((prompts // 2, samples)) < 0.45
    # Wrong samples of a prompt share three answers, so that the right one leads in the long run.
    answer = np.where(right, 0, 1 + rng.integers(0, 3, right.shape))
    return made(right, answer=answer, length=rng.integers(5, 9, right.shape))


def test_early_stopping_saves_on_easy_prompts_and_gives_the_same_answers() -> None:
    found = easy_and_hard()
    votes = votes_along(found, random_orders(found, 24, seed=0), range(1, 25))
    certain, likely = (stopped_votes(votes, error) for error in (0.0, 0.05))
    np.testing.assert_allclose(certain.stopped.values, certain.full.values)
    np.testing.assert_allclose(certain.stopped.samples[::2], 13.0)
    np.testing.assert_allclose(likely.stopped.samples[::2], likely.rule.unanimous)
    assert np.abs(likely.stopped.values - likely.full.values).max() <= 0.05
    assert likely.saved > certain.saved > 0.25


def test_adaptive_votes_gain_where_difficulty_shows() -> None:
    found, n = easy_and_hard(), 8
    votes = votes_along(found, random_orders(found, 24, seed=0), range(1, 25))
    adaptive = adaptive_votes(found, votes, pilot=4, n=n, labels=20 * 24, seed=0)
    assert adaptive is not None
    assert adaptive.labels == 20 * 24
    assert adaptive.tokens.mean() <= n * found.length.mean() * (1 + 1e-9)
    uniform = votes.values[n - 1].mean()
    assert adaptive.values.mean() > uniform + 0.02
    assert adaptive.samples[1::2].mean() > 1.5 * adaptive.samples[::2].mean()
    assert adaptive_votes(found, votes, pilot=4, n=n, labels=23, seed=0) is None
