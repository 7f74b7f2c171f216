"""Methods beside each other: who was given more than the budget is refused."""

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.llm_validation.deciding.made_outcomes import made
from tests.llm_validation.deciding.methods.test_votes import easy_and_hard
from verigap.llm_validation import read_traces
from verigap.llm_validation.deciding.joint import JointMeans
from verigap.llm_validation.deciding.methods import (
    Budget,
    EqualBudgets,
    MeasuredMethod,
    OverBudget,
    compare_methods,
)
from verigap.llm_validation.deciding.outcomes import outcomes_at
from verigap.llm_validation.pools import sample_pools
from verigap.storage.tables import TableError

EXAMPLES = Path(__file__).resolve().parents[4] / "examples"
BUDGET = Budget(num_candidates=4, tokens=40.0, labels=10)


def measured(**other: float) -> MeasuredMethod:
    fields = {"samples": 4.0, "tokens": 40.0, "labels": 10} | other
    return MeasuredMethod(
        method="tried",
        values=np.array([0.0, 1.0, 1.0]),
        samples=np.full(3, fields["samples"]),
        tokens=np.full(3, fields["tokens"]),
        labels=int(fields["labels"]),
    )


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"tokens": 40.01}, r"tried: 40\.01 tokens are more than the 40 that"),
        ({"labels": 11}, "tried: 11 labels are more than the 10 that"),
        ({"tokens": float("nan")}, "tried: nan tokens are more than"),
    ],
)
def test_a_method_that_was_given_more_is_no_row(given: dict[str, float], said: str) -> None:
    with pytest.raises(OverBudget, match=said):
        EqualBudgets.of(BUDGET, [measured(), measured(**given)], "tried", seed=0)


def test_without_lengths_samples_are_counted() -> None:
    budget = replace(BUDGET, tokens=float("nan"))
    unknown = measured(tokens=float("nan"))
    assert len(EqualBudgets.of(budget, [unknown], "tried", seed=0).rows) == 1
    with pytest.raises(OverBudget, match=r"tried: 4\.5 samples are more than the 4 that"):
        EqualBudgets.of(budget, [measured(tokens=float("nan"), samples=4.5)], "tried", seed=0)


def test_a_row_says_what_it_was_given() -> None:
    table = EqualBudgets.of(BUDGET, [measured()], "tried", seed=0)
    (row,) = table.rows
    assert (row.samples, row.tokens, row.labels) == (4.0, 40.0, 10)
    assert row.accuracy.estimate == pytest.approx(2 / 3)
    assert row.accuracy.low < row.accuracy.estimate < row.accuracy.high
    assert row.gain.estimate == 0.0
    assert table.prompts == 3


def gaining(method: str, gain: float, prompts: int = 40, checks: float = 0.0) -> MeasuredMethod:
    """As right as one in two on every prompt but the last, and more by about a gain on these."""
    rows = np.arange(prompts)
    more = gain * (0.9 + 0.2 * (rows % 2)) * (rows < prompts - 1)
    return MeasuredMethod(
        method=method,
        values=0.5 + 0.01 * rows / prompts + more,
        samples=np.full(prompts, 4.0),
        tokens=np.full(prompts, 40.0),
        checks=checks,
    )


def test_the_best_is_named_among_those_that_were_asked_for_and_need_no_exact_check() -> None:
    methods = [
        gaining("reference", 0.0),
        gaining("some", 0.1),
        gaining("more", 0.2),
        gaining("checked", 0.4, checks=4.0),
        gaining("less", -0.1),
    ]
    table = EqualBudgets.of(BUDGET, methods, "reference", seed=0)
    every = [each.method for each in methods]
    for asked, best in ((every, "more"), (["some", "less"], "some")):
        found = table.clear_of_zero(asked)
        assert found is not None
        assert found.method == best
    assert table.clear_of_zero(["less", "checked", "reference"]) is None
    rows = {row.method: row for row in table.rows}
    assert np.isnan(rows["checked"].gain_together.low)
    assert np.isnan(rows["reference"].gain_together.low)
    joint = JointMeans.of({each.method: each.values for each in methods}, most=1.0, seed=0)
    together = joint.differences_together(["some", "more", "less"], "reference")
    assert {name: rows[name].gain_together for name in together} == together


def test_nine_prompts_do_not_tell_a_method_from_the_reference() -> None:
    for prompts, told in ((10, False), (11, True)):
        methods = [gaining("reference", 0.0, prompts), gaining("some", 0.3, prompts)]
        table = EqualBudgets.of(BUDGET, methods, "reference", seed=0)
        assert (table.clear_of_zero(["some"]) is not None) is told


def test_every_method_of_a_group_within_its_budget() -> None:
    found = easy_and_hard()
    table = compare_methods(found, num_candidates=8, labels=240, seed=0)
    rows = {row.method: row for row in table.rows}
    assert table.reference == "vote"
    assert {"vote_until_decided", "vote_adaptive", "until_right", "exact"} <= rows.keys()
    for row in rows.values():
        assert row.tokens <= table.budget.tokens * (1 + 1e-9)
        assert row.labels <= 240
        assert row.exact_check == (row.method in ("exact", "until_right"))
    # What is saved on the easy prompts is spent on the hard ones.
    assert rows["until_right"].accuracy.estimate > rows["exact"].accuracy.estimate
    assert rows["vote_until_decided"].gain.estimate > 0


def test_groups_with_less_have_fewer_rows() -> None:
    rng = np.random.default_rng(0)
    right = rng.random((12, 8)) < 0.4
    table = compare_methods(made(right), num_candidates=4, labels=8, seed=0)
    assert {row.method for row in table.rows} == {"single", "best_learned", "exact", "until_right"}
    assert table.reference == "single"
    again = compare_methods(made(right), num_candidates=4, labels=8, seed=0)
    # As text, because what does not differ has no interval.
    assert str(again) == str(table)
    assert np.isnan(table.budget.tokens)


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        # Rows of 4 samples would be worth what 3 are.
        ({"num_candidates": 4}, "num_candidates: 4 are more .*; give at most 3"),
        ({"num_candidates": 1}, "num_candidates: 1 is out of range"),
        ({"labels": 0}, "labels: 0 is out of range"),
    ],
)
def test_what_cannot_be_compared_is_refused(asked: dict[str, int], says: str) -> None:
    found = made(np.random.default_rng(0).random((12, 3)) < 0.4)
    with pytest.raises(TableError, match=says):
        compare_methods(found, **{"num_candidates": 3, "labels": 8, "seed": 0} | asked)


def test_exact_rows_agree_with_every_order_of_a_small_pool() -> None:
    rng = np.random.default_rng(1)
    right = rng.random((6, 5)) < 0.4
    length = rng.integers(1, 9, (6, 5)).astype(float)
    table = compare_methods(made(right, length=length), num_candidates=3, labels=10, seed=0)
    rows = {row.method: row for row in table.rows}
    drawn = []
    for prompt in range(6):
        for order in map(list, itertools.permutations(range(5))):
            hits, tokens = right[prompt, order], length[prompt, order]
            stop = int(hits.argmax()) + 1 if hits.any() else 5
            shortest = tokens[:3] == tokens[:3].min()
            drawn.append(
                (hits[:3].any(), hits[:3][shortest].mean(), hits.any(), stop, tokens[:stop].sum())
            )
    exact, shortest, until_right, samples, tokens = np.mean(drawn, axis=0)
    assert rows["exact"].accuracy.estimate == pytest.approx(exact)
    assert rows["shortest"].accuracy.estimate == pytest.approx(shortest)
    found = rows["until_right"]
    assert (found.accuracy.estimate, found.samples, found.tokens) == pytest.approx(
        (until_right, samples, tokens)
    )


def test_many_short_samples_may_cost_as_little_as_few() -> None:
    """Right samples are long and wrong ones short: tokens bound the row, samples do not."""
    right = np.arange(10)[:, None] % 2 == np.zeros((1, 16))
    table = compare_methods(
        made(right, length=np.where(right, 100.0, 1.0)), num_candidates=4, labels=16, seed=0
    )
    found = next(row for row in table.rows if row.method == "until_right")
    assert found.samples == pytest.approx((1 + 16) / 2)
    assert found.tokens == pytest.approx((100 + 16) / 2)
    assert found.tokens <= table.budget.tokens


@pytest.mark.long
def test_the_code_pack_at_many_samples() -> None:
    (pools,) = sample_pools(read_traces(EXAMPLES / "humaneval_codegen16b.parquet"), placed=False)
    table = compare_methods(outcomes_at(pools, None), num_candidates=32, labels=8_200, seed=0)
    rows = {row.method: row for row in table.rows}
    falls, holds = (rows[name].accuracy for name in ("best_score", "best_score_pessimistic"))
    assert falls.estimate == pytest.approx(0.2522, abs=5e-5)
    # 0.3111 at this number of labels.
    assert holds.estimate > falls.estimate + 0.05
