"""Choices among traces: against all sets of N, a plain loop, and the Markov chain of attempts."""

from itertools import combinations, pairwise, permutations

import numpy as np
import pytest

from verigap.sim.planted.methods.candidates import Candidates, random_orders
from verigap.sim.planted.methods.selecting import (
    best_of_n,
    first_accepted,
    pessimistic_best_of_n,
    single,
    votes,
)
from verigap.theory.self_correction import SelfCorrection, corrected_answer

RNG = np.random.default_rng(0)
RETURNS = RNG.integers(0, 4, (3, 5)).astype(float)
SCORES = RNG.normal(size=(3, 5))
EVERY_ORDER = np.asarray(list(permutations(range(5), 3)))


def test_one_sample_earns_the_mean() -> None:
    found = single(RETURNS)
    np.testing.assert_allclose(found.value, RETURNS.mean(axis=1))
    np.testing.assert_allclose(found.success, (RETURNS > 0).mean(axis=1))
    assert found.samples == 1


@pytest.mark.parametrize("n", [1, 3, 5])
def test_best_of_n_over_every_set(n: int) -> None:
    sets = np.asarray(list(combinations(range(5), n)))
    found = best_of_n(SCORES, RETURNS, sets)
    for prompt in range(3):
        best = [max(chosen, key=lambda i, p=prompt: SCORES[p, i]) for chosen in sets]
        assert found.value[prompt] == pytest.approx(RETURNS[prompt, best].mean())
        assert found.success[prompt] == pytest.approx((RETURNS[prompt, best] > 0).mean())
    assert found.samples == n


def test_equal_scores_are_broken_uniformly() -> None:
    found = best_of_n(np.zeros((3, 5)), RETURNS, EVERY_ORDER)
    np.testing.assert_allclose(found.value, RETURNS.mean(axis=1))


def test_pessimism_is_best_of_n_without_penalty_and_the_base_with_too_much() -> None:
    sets = np.asarray(list(combinations(range(5), 3)))
    trusting = pessimistic_best_of_n(SCORES, RETURNS, sets, 1e-6)
    np.testing.assert_allclose(trusting.value, best_of_n(SCORES, RETURNS, sets).value)
    wary = pessimistic_best_of_n(SCORES, RETURNS, sets, 1e9)
    np.testing.assert_allclose(wary.value, RETURNS.mean(axis=1), rtol=1e-6)


def test_pessimism_of_two_samples_by_hand() -> None:
    # Weights (1 +- (s1 - s2) / (2 beta)) / 2 while both are positive.
    found = pessimistic_best_of_n(
        np.asarray([[1.0, 3.0]]), np.asarray([[10.0, 0.0]]), np.asarray([[0, 1]]), 4.0
    )
    assert found.value[0] == pytest.approx(10 * (1 - 2 / 8) / 2)
    assert found.success[0] == pytest.approx((1 - 2 / 8) / 2)


def test_until_accepted_is_the_chain_of_fresh_attempts() -> None:
    # Ten thousand independent attempts a prompt, in sets of four.
    rng = np.random.default_rng(1)
    right = rng.random((1, 40_000)) < 0.3
    accepted = np.where(right, rng.random(right.shape) < 0.8, rng.random(right.shape) < 0.1)
    sets = np.arange(40_000).reshape(-1, 4)
    found = first_accepted(accepted, right.astype(float), sets)
    chain = corrected_answer(SelfCorrection(0.3, 0.3, 0.3, 0.1, 0.2), 4)  # pyright: ignore[reportArgumentType]
    assert found.success[0] == pytest.approx(float(chain.success), abs=0.02)
    assert found.samples == pytest.approx(float(chain.attempts), abs=0.05)


def test_nothing_accepted_leaves_the_last() -> None:
    found = first_accepted(
        np.zeros((1, 3), bool), np.asarray([[1.0, 2.0, 3.0]]), np.asarray([[2, 0, 1]])
    )
    assert (found.value[0], found.samples) == (2.0, 3.0)


def _plain_vote(traces: np.ndarray, returns: np.ndarray, weights: np.ndarray) -> set[float]:
    """The returns that a vote may end with: of each winning pair the trace that has it first."""
    pairs: dict[tuple[int, int], float] = {}
    for trace, weight in zip(traces, weights, strict=True):
        for pair in {(int(a), int(b)) for a, b in pairwise(trace)}:
            pairs[pair] = pairs.get(pair, 0.0) + weight
    most = max(pairs.values())
    ends = {
        pair: [
            next((h for h in range(1, len(t)) if (int(t[h - 1]), int(t[h])) == pair), len(t))
            for t in traces
        ]
        for pair, votes in pairs.items()
        if votes > most - 1e-9
    }
    return {float(returns[int(np.argmin(places))]) for places in ends.values()}


@pytest.mark.parametrize("weighted", [False, True])
def test_votes_against_a_plain_count(weighted: bool) -> None:
    rng = np.random.default_rng(2)
    traces = rng.integers(0, 3, (4, 6, 5))
    returns = rng.permutation(24).reshape(4, 6).astype(float)
    weights = rng.random((4, 6)) if weighted else np.ones((4, 6))
    ids = np.zeros((4, 2), int)
    found = votes(Candidates(ids, traces, returns), 3)
    for chosen in combinations(range(6), 4):
        sets = np.asarray([chosen])
        won = found.won(sets, weights if weighted else None)
        for prompt in range(4):
            row = list(chosen)
            expected = _plain_vote(traces[prompt, row], returns[prompt, row], weights[prompt, row])
            assert won.value[prompt] in expected


def test_orders_are_cut_into_disjoint_sets() -> None:
    sets = random_orders(0, 10, 3, 2)
    assert sets.shape == (6, 3)
    for order in (sets[:3], sets[3:]):
        assert len(set(order.ravel())) == 9
    assert not np.array_equal(sets[:3], sets[3:])
