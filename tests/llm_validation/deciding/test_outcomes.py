"""What samples are worth at a budget, and what can be seen of them there."""

import numpy as np
import polars as pl
import pytest

from tests.llm_validation.deciding.made_outcomes import made, pools
from verigap.llm_validation.deciding.candidates import Candidates
from verigap.llm_validation.deciding.decisions import budget_of
from verigap.llm_validation.deciding.learned_score import compared
from verigap.llm_validation.deciding.outcomes import numbered, outcomes_at
from verigap.llm_validation.deciding.selection import select
from verigap.llm_validation.pools.pools import sample_pools
from verigap.llm_validation.traces import Traces


def test_accuracy_is_that_of_the_sample_when_it_ends_or_is_stopped() -> None:
    found = outcomes_at(
        pools(
            # As a table says it: right at the end; right, then not; right late; wrong.
            [[1, 1, 1, 0]],
            length=[[10, 10, 30, 5]],
            first_correct=np.array([[4.0, 4.0, 25.0, np.inf]]),
            ends_correct=np.array([[True, False, True, False]]),
        ),
        20,
    )
    np.testing.assert_array_equal(found.rewards["accuracy"], [[1, 0, 0, 0]])
    # Those that count from the first right place: 20 - 4 + 1.
    np.testing.assert_array_equal(found.rewards["return"], [[17, 17, 0, 0]])
    np.testing.assert_array_equal(found.length, [[10, 10, 20, 5]])


@pytest.mark.parametrize(("horizon", "right"), [(3, 0), (4, 1), (9, 1), (10, 0), (None, 0)])
def test_a_cut_sample_is_right_if_it_had_been_right_by_then(
    horizon: int | None, right: int
) -> None:
    # Right from token 4 on, wrong again when it ends at 10.
    found = made(
        np.array([[1]]),
        horizon,
        length=np.array([[10]]),
        first_correct=np.array([[4.0]]),
        ends_correct=np.array([[False]]),
    )
    assert found.rewards["accuracy"].item() == right


def test_what_a_sample_says_where_it_is_stopped() -> None:
    """It ends right or wrong at 30, and was right from 10 or 25 on: H = 20."""
    columns = {
        "length": np.full((1, 5), 30.0),
        "first_correct": np.array([[10.0, 25.0, np.inf, 10.0, 25.0]]),
        "ends_correct": np.array([[True, True, False, False, False]]),
        "answer": np.array([[7, 7, 3, 3, 3]]),
        "score": np.array([[0.1, 0.2, 0.3, 0.4, np.nan]]),
    }
    correct = np.array([[1, 1, 0, 1, 1]])
    found = made(correct, 20, **columns)
    np.testing.assert_array_equal(found.rewards["accuracy"], [[1, 0, 0, 1, 0]])
    # Right by then, as at the end; right only later; wrong throughout; right, and lost later; and
    # right only between, which ends as it stands at H.
    np.testing.assert_array_equal(found.answer, [[1, -1, 0, -1, 0]])
    np.testing.assert_array_equal(found.score, columns["score"])
    assert not found.ended.any()
    uncut = made(correct, 30, **columns)
    np.testing.assert_array_equal(uncut.answer, [[1, 1, 0, 0, 0]])
    assert uncut.ended.all()


def test_a_budget_below_the_lengths_takes_no_right_answer_from_the_vote() -> None:
    """Right samples are right at 20 and run to 100; wrong ones end at 30. H = 50."""
    right = np.tile([1, 1, 1, 1, 1, 0, 0, 0], (12, 1))
    found = made(
        right,
        50,
        length=np.where(right, 100.0, 30.0),
        first_correct=np.where(right, 20.0, np.inf),
        answer=np.where(right, 1, 0),
        score=right.astype(float),
    )
    values = select(found, labels=16, num_candidates=4, counts=(4, 8), seed=0).values["accuracy"]
    np.testing.assert_allclose(values["best_score"], values["exact"])
    np.testing.assert_allclose(values["vote"][1], 1.0)
    # 70 sets of 4: none to 3 wrong ones of 3; two of two are a tie.
    votes = (5 * 1 + 10 * 3 * 1 + 10 * 3 * 0.5 + 5 * 1 * 0) / 70
    np.testing.assert_allclose(values["vote"][0], votes)


def test_stopped_samples_show_a_learner_no_answer() -> None:
    """Which of them have one depends on whether they are right."""
    rng = np.random.default_rng(0)
    right = rng.random((40, 6)) < 0.5
    found = made(
        right,
        50,
        length=np.full(right.shape, 100.0),
        first_correct=np.where(right, np.where(rng.random(right.shape) < 0.5, 20.0, 90.0), np.inf),
        answer=np.where(right, 1, 0),
    )
    sets = Candidates.of(found, 3, seed=0)
    assert (sets.answer >= 0).any()
    assert not compared(found, sets).agreement.any()
    whole = made(right, 100, length=np.full(right.shape, 100.0), answer=np.where(right, 1, 0))
    assert compared(whole, Candidates.of(whole, 3, seed=0)).agreement.any()


def test_unknown_lengths_are_never_cut_and_earn_no_return() -> None:
    found = made(np.array([[1, 0], [1, 1]]), answer=np.array([[1, 2], [1, 1]]))
    assert found.rewards.keys() == {"accuracy"}
    assert found.horizon is None
    assert np.isnan(found.mean_length)
    # One right sample of unknown place is enough: returns cannot be told.
    some = made(np.array([[1, 0], [1, 1]]), 50, length=np.array([[10, 20], [np.nan, 30]]))
    assert some.rewards.keys() == {"accuracy"}
    np.testing.assert_array_equal(some.rewards["accuracy"], [[1, 0], [1, 1]])
    # A wrong one of unknown length is no matter.
    wrong = made(np.array([[1, 0], [1, 1]]), 50, length=np.array([[10, np.nan], [20, 30]]))
    assert wrong.rewards.keys() == {"accuracy", "return"}
    # Means over prompts of the known lengths.
    assert wrong.mean_length == (10 + 25) / 2


def test_short_is_not_right() -> None:
    # Accuracy does not move with lengths as long as nothing is cut; returns do.
    correct = np.array([[1, 0, 1, 0]])
    short, long = (made(correct, 100, length=np.array([each])) for each in ([1] * 4, [99] * 4))
    np.testing.assert_array_equal(short.rewards["accuracy"], long.rewards["accuracy"])
    assert short.rewards["return"].sum() > long.rewards["return"].sum()


def test_the_padding_earns_nothing() -> None:
    mask = np.array([[True, True, False]])
    found = made(np.array([[1, 0, 0]]), 10, length=np.array([[3, 4, np.nan]]), mask=mask)
    assert found.sizes.item() == 2
    assert found.rewards["accuracy"].sum() == 1
    assert found.rewards["return"][0, 2] == 0


def table(sampling: str | None, lengths: list[int]) -> Traces:
    frame = pl.DataFrame(
        {
            "prompt_id": ["a"] * len(lengths),
            "correct": [True] * len(lengths),
            "n_tokens": lengths,
            "sampling": pl.Series([sampling] * len(lengths), dtype=pl.String),
        }
    )
    return Traces(frame, "made")


def test_the_default_budget_is_the_limit_or_the_longest_trace() -> None:
    for sampling, lengths, expected in (
        ('{"max_tokens": 64}', [3, 40], (64, "the sampling limit")),
        (None, [3, 40], (40, "the longest trace")),
        ('{"temperature": 1}', [3, 40], (40, "the longest trace")),
    ):
        (group,) = sample_pools(table(sampling, lengths))
        assert budget_of(group) == expected
    assert budget_of(pools([[1, 0]])) == (None, "no lengths")


def test_answers_are_numbered_within_each_set() -> None:
    answer = np.array([[7, 3, -1, 7, 900], [-1, -1, -1, -1, -1], [5, 5, 5, 5, 5]])
    expected = [[1, 0, -1, 1, 2], [-1] * 5, [0] * 5]
    np.testing.assert_array_equal(numbered(answer), expected)
