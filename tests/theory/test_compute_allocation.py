"""Compute-optimal allocation against a linear programme, and revision against all outcomes."""

from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize

from verigap.theory.arrays import host_array
from verigap.theory.compute_allocation import (
    allocation_by_class,
    best_allocation,
    pilot_classes,
)
from verigap.theory.revision import Revision, chains_success

numbers = st.integers(0, 8)
tables = st.lists(st.lists(numbers, min_size=4, max_size=4), min_size=1, max_size=3)
rates = st.fractions(0, 1, max_denominator=5)


@given(tables, tables, st.fractions(0, 1, max_denominator=7))
def test_the_linear_programme(
    values: list[list[int]], costs: list[list[int]], share: Fraction
) -> None:
    classes = min(len(values), len(costs))
    value, cost = (np.array(each[:classes], float) for each in (values, costs))
    weights = np.arange(1.0, classes + 1) / np.arange(1.0, classes + 1).sum()
    least, most = (float(weights @ end) for end in (cost.min(axis=1), cost.max(axis=1)))
    budget = least + float(share) * (most - least)
    found = best_allocation(value, cost, weights, budget)
    solved = optimize.linprog(
        -(weights[:, None] * value).ravel(),
        A_ub=(weights[:, None] * cost).ravel()[None],
        b_ub=[budget + 1e-9],
        A_eq=np.kron(np.eye(classes), np.ones((1, 4))),
        b_eq=np.ones(classes),
    )
    assert found.value == pytest.approx(-solved.fun, abs=1e-6)
    assert found.cost <= budget + 1e-9
    np.testing.assert_allclose(found.mixture.sum(axis=1), 1.0)
    assert (found.mixture >= -1e-12).all()
    assert ((found.mixture > 1e-9).sum(axis=1) > 1).sum() <= 1


def test_a_budget_below_the_cheapest() -> None:
    with pytest.raises(ValueError, match="budget: 1 is below the 2 that everything needs"):
        best_allocation(np.ones((1, 2)), np.array([[2.0, 3.0]]), np.ones(1), 1.0)


@given(rates, rates, rates, st.integers(1, 2), st.integers(1, 3))
def test_chains_by_enumeration(
    good: Fraction, first: Fraction, revised: Fraction, chains: int, length: int
) -> None:
    solved = Fraction(0)
    attempts = [first] + [revised] * (length - 1)
    for outcomes in product((False, True), repeat=chains * (length + 1)):
        chance, right = Fraction(1), False
        for chain in range(chains):
            fine, *hits = outcomes[chain * (length + 1) : (chain + 1) * (length + 1)]
            chance *= good if fine else 1 - good
            for hit, rate in zip(hits, attempts, strict=True):
                right_now = rate if fine else Fraction(0)
                chance *= right_now if hit else 1 - right_now
                right = right or hit
        solved += chance * right
    law = Revision(*(host_array(float(rate)) for rate in (good, first, revised)))
    assert float(chains_success(law, chains, length)) == pytest.approx(float(solved))


def ways(budget: int) -> list[tuple[int, int]]:
    """Every (W, L) of W L attempts up to a budget, both powers of two."""
    powers = [2**k for k in range(budget.bit_length())]
    return [(w, length) for w in powers for length in powers if w * length <= budget]


EASY_TO_HARD = Revision(
    host_array([1.0, 0.9, 0.3, 0.05]), host_array([0.2] * 4), host_array([0.4] * 4)
)


def test_easy_prompts_are_revised_and_hard_ones_begun_anew() -> None:
    """The known fact of arXiv 2408.03314: the best share of revision falls with difficulty."""
    at_16 = [way for way in ways(16) if np.prod(way) == 16]
    success = np.stack([chains_success(EASY_TO_HARD, *way) for way in at_16], axis=1)
    lengths = [at_16[best][1] for best in success.argmax(axis=1)]
    assert lengths == [16, 4, 2, 2]


def test_what_knowing_difficulty_is_worth() -> None:
    """Uniform, estimated from a pilot, and known difficulty, at one mean number of attempts."""
    options = [(0, 0), *ways(64)]
    costs = np.array([float(w * length) for w, length in options])
    success = np.stack(
        [np.zeros(4)] + [np.asarray(chains_success(EASY_TO_HARD, *way)) for way in options[1:]], 1
    )
    shares, pilot, budget = np.full(4, 0.25), 2, 16.0
    parallel = success[:, [k for k, way in enumerate(options) if way == (16, 1)]]
    uniform = float(shares @ parallel[:, 0])
    known = allocation_by_class(success[:, None, :], costs, shares, np.eye(4), budget)
    blind = allocation_by_class(success[:, None, :], costs, shares, np.ones((4, 1)), budget)
    one = np.asarray(chains_success(EASY_TO_HARD, 1, 1))
    seen = pilot_classes(one, pilot)
    # A prompt that the pilot solved needs no more.
    values = np.broadcast_to(success[:, None, :], (4, pilot + 1, len(options))).copy()
    values[:, 1:, :] = 1.0
    estimated = allocation_by_class(values, costs + pilot, shares, seen, budget)
    assert uniform < blind.value < estimated.value
    assert uniform < blind.value < known.value
    assert max(each.cost for each in (known, blind, estimated)) <= budget + 1e-9
    # Attempts that parallel samples need for what known difficulty reaches.
    needed = next(
        n for n in range(16, 4096) if shares @ chains_success(EASY_TO_HARD, n, 1) >= known.value
    )
    assert needed / budget > 1.5


@given(st.lists(rates, min_size=1, max_size=3), st.integers(0, 3))
def test_pilot_classes_by_enumeration(success: list[Fraction], pilot: int) -> None:
    found = pilot_classes(np.array(success, float), pilot)
    for row, p in zip(found, success, strict=True):
        expected = [Fraction(0)] * (pilot + 1)
        for hits in product((0, 1), repeat=pilot):
            chance = Fraction(1)
            for hit in hits:
                chance *= p if hit else 1 - p
            expected[sum(hits)] += chance
        np.testing.assert_allclose(row, [float(each) for each in expected], atol=1e-12)
