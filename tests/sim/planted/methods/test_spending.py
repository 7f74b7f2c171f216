"""No method is given more than the budget, and what it was given is what its row says."""

import dataclasses

import jax
import pytest

from tests.sim.planted.methods.small_methods import small_instance
from verigap.sim.planted.methods.candidates import random_orders
from verigap.sim.planted.methods.cell import MethodsCell
from verigap.sim.planted.methods.selecting import best_of_n, single
from verigap.sim.planted.methods.spending import BudgetExceeded, Spending, TrainingBudget

BUDGET = TrainingBudget(traces=10, training_tokens=100.0, answer_tokens=24.0)
FULL = Spending(demonstrations=4, labels=6, training_tokens=100.0, answer_tokens=24.0)


def _cell() -> MethodsCell:
    instance, base = small_instance()
    return MethodsCell(instance, base, jax.random.key(1), lambda what: None)


def test_all_of_the_budget_may_be_spent() -> None:
    BUDGET.admit("all", FULL)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"demonstrations": 5}, "greedy: 11 traces, of 10 allowed"),
        ({"labels": 7}, "greedy: 11 traces, of 10 allowed"),
        ({"training_tokens": 101.0}, "greedy: 101 training tokens, of 100 allowed"),
        ({"answer_tokens": 25.0}, "greedy: 25 tokens an answer, of 24 allowed"),
    ],
)
def test_more_is_refused(more: dict[str, float], says: str) -> None:
    with pytest.raises(BudgetExceeded, match=says):
        BUDGET.admit("greedy", dataclasses.replace(FULL, **more))


def test_parts_add_up() -> None:
    total = Spending(labels=2, answer_tokens=3.0) + Spending(labels=1, checks=4.0)
    assert total == Spending(labels=3, answer_tokens=3.0, checks=4.0)


def test_a_row_says_what_was_drawn() -> None:
    cell = _cell()
    returns = cell.own.returns
    row = cell.row("vote", best_of_n(returns, returns, cell.sets), Spending(labels=3), side="vb")
    assert (row["labels"], row["answer_tokens"], row["checks"]) == (3.0, 4 * 6.0, 0.0)
    checked = cell.row("it", single(returns), Spending(), side="vb", exact=True)
    assert (checked["verifier"], checked["checks"], checked["answer_tokens"]) == ("exact", 1.0, 6.0)


def test_more_samples_than_the_others_enter_no_table() -> None:
    cell = _cell()
    returns = cell.own.returns
    found = best_of_n(returns, returns, random_orders(0, 8, 5, 2))
    with pytest.raises(BudgetExceeded, match="best-of-5: 30 tokens an answer, of 24 allowed"):
        cell.row("best-of-5", found, Spending(), side="vb")


def test_two_learners_worth_of_traces_enter_no_table() -> None:
    cell = _cell()
    with pytest.raises(BudgetExceeded, match="41 traces, of 40 allowed"):
        cell.row("both", single(cell.own.returns), Spending(demonstrations=40, labels=1), side="vb")
