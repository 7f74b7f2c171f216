import jax.numpy as jnp
import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from verigap.llm_validation.laws import reward_laws
from verigap.llm_validation.traces import Traces
from verigap.storage.tables import TableError
from verigap.theory.laws import RewardLaw
from verigap.theory.rewards import NEVER, return_at_budget

HAND = Traces(
    pl.DataFrame(
        {
            "dataset": ["toy"] * 8,
            "model": ["m"] * 8,
            "prompt_id": ["q", "q", "p", "p", "p", "p", "p", "r"],
            "correct": [True, None, True, True, False, True, None, None],
            "first_correct": [1, None, 2, 6, None, None, None, None],
            "n_tokens": [4, 4, 4, 8, 4, 8, 4, 4],
        }
    )
)


def test_laws_by_hand() -> None:
    table, report = reward_laws(HAND, [8, 4])
    # Prompt p is first correct at 2, 6, never, and 8 (its end): returns 3, 0, 0, 0 at H = 4 and
    # 7, 3, 0, 1 at H = 8. Prompt q is correct from its first token: 4 of 4 and 8 of 8.
    assert table.frame.select(
        "prompt_id", "horizon", "samples", "unverified", "returns", "probabilities"
    ).rows() == [
        ("p", 4, 4, 1, [0.0, 3.0], [0.75, 0.25]),
        ("p", 8, 4, 1, [0.0, 1.0, 3.0, 7.0], [0.25] * 4),
        ("q", 4, 1, 1, [4.0], [1.0]),
        ("q", 8, 1, 1, [8.0], [1.0]),
    ]
    first_correct = jnp.array([2, 6, NEVER, 8])
    for horizon, mean in ((4, 0.75), (8, 2.75)):
        laws = table.select(horizon)
        assert RewardLaw.checked(laws.support, laws.probabilities).mean[0] == mean
        assert return_at_budget(first_correct, horizon).mean() == mean
    assert table.groups == (("toy", "m"),)
    assert set(table.frame["unit"]) == {"tokens"}
    assert report.left_out == (("toy", "m", "r"),)
    assert (report.prompts, report.samples, report.unverified) == (2, 5, 3)
    assert report.correct_only_at_end == 1


def test_the_unit_travels_from_the_traces_into_the_laws() -> None:
    frame = pl.DataFrame(
        {
            "model": ["m", "m", "n"],
            "prompt_id": ["p", "p", "p"],
            "correct": [True, False, True],
            "n_tokens": [5, 6, 7],
            "unit": ["words", "words", None],
        }
    )
    table, report = reward_laws(Traces(frame), [8])
    assert table.frame.select("model", "unit").rows() == [("m", "words"), ("n", "tokens")]
    assert report.units == ("tokens", "words")


def test_groups_with_the_same_prompt_stay_apart() -> None:
    frame = pl.DataFrame(
        {
            "model": ["m", "n"],
            "prompt_id": [1, 1],
            "correct": [True, True],
            "first_correct": [1, 3],
        }
    )
    table, _ = reward_laws(Traces(frame), [3])
    assert table.select(3, model="m").support.tolist() == [3.0]
    assert table.select(3, model="n").support.tolist() == [1.0]


first_tokens = st.one_of(st.none(), st.integers(1, 30))


@given(
    prompts=st.lists(st.lists(first_tokens, min_size=1, max_size=12), min_size=1, max_size=5),
    budgets=st.lists(st.integers(1, 40), min_size=1, max_size=3, unique=True),
)
def test_a_law_has_the_moments_of_its_samples(
    prompts: list[list[int | None]], budgets: list[int]
) -> None:
    rows = [(index, first) for index, firsts in enumerate(prompts) for first in firsts]
    frame = pl.DataFrame(
        {
            "prompt_id": [index for index, _ in rows],
            "correct": [first is not None for _, first in rows],
            "first_correct": pl.Series([first for _, first in rows], dtype=pl.Int64),
        }
    )
    table, report = reward_laws(Traces(frame), budgets)
    assert report.samples == len(rows)
    assert table.horizons == tuple(sorted(budgets))
    for horizon in budgets:
        laws = table.select(horizon)
        means = laws.probabilities @ laws.support
        squares = laws.probabilities @ laws.support**2
        for row, prompt in enumerate(laws.prompt_ids):
            firsts = prompts[int(prompt)]
            returns = np.array([0.0 if t is None else max(horizon - t + 1, 0) for t in firsts])
            np.testing.assert_allclose(means[row], returns.mean(), rtol=1e-12)
            np.testing.assert_allclose(squares[row], (returns**2).mean(), rtol=1e-12)


def test_the_order_of_the_traces_does_not_matter() -> None:
    shuffled = Traces(HAND.frame.sample(fraction=1.0, shuffle=True, seed=3))
    budgets = [2, 4, 8]
    table, report = reward_laws(HAND, budgets)
    other_table, other_report = reward_laws(shuffled, reversed(budgets))
    assert other_table.digest == table.digest
    assert other_report == report


@pytest.mark.parametrize(
    ("budgets", "expected"),
    [
        ([], "there are none"),
        ([0], "0 is no budget"),
        ([-5], "-5 is no budget"),
        ([2.5], "2.5 is no budget"),
        ([True], "True is no budget"),
        ([2**31], "is no budget"),
        ([4, 4], "4 comes twice"),
    ],
)
def test_bad_budgets_are_refused(budgets: list[int], expected: str) -> None:
    with pytest.raises(TableError, match=expected):
        reward_laws(HAND, budgets)


def test_traces_without_any_verdict_are_refused() -> None:
    unverified = Traces(pl.DataFrame({"prompt_id": ["a"], "correct": [None]}))
    with pytest.raises(TableError, match="no trace could be verified"):
        reward_laws(unverified, [8])
