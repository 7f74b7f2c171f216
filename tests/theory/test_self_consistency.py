"""Voting with early stopping against enumeration of all sequences of samples."""

import itertools
import math
from collections import Counter
from fractions import Fraction
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from verigap.theory.self_consistency import StoppingRule, log_evidence, stopped_vote

laws = st.lists(st.integers(0, 5), min_size=2, max_size=3).filter(any)
errors = st.sampled_from([0.0, 0.05, 0.2, 0.6])


def shares(weights: list[int]) -> list[float]:
    return [weight / sum(weights) for weight in weights]


def evidence(a: int, b: int, left: int) -> Fraction | None:
    """By definition, in rational numbers; None where no end is level."""
    share = Fraction(0)
    for k in range(b + 1):
        # The integral of 2 x^a (1 - x)^b over (1/2, 1), term by term.
        power = a + k + 1
        term = Fraction((-1) ** k * math.comb(b, k), power) * (1 - Fraction(1, 2**power))
        share += 2 * term
    ends = [
        Fraction(math.perm(final, a) * math.perm(other, b), math.perm(final + other, a + b))
        for final in range(a, a + left + 1)
        for other in range(b, b + left + 1)
        if final <= other and final + other <= a + b + left
    ]
    return share / max(ends) if ends else None


@given(st.integers(1, 8), st.integers(0, 8), st.integers(0, 12))
def test_evidence_by_definition(first: int, second: int, left: int) -> None:
    a, b = max(first, second), min(first, second)
    expected = evidence(a, b, left)
    found = float(log_evidence(np.array(a), np.array(b), left))
    if expected is None:
        assert found == math.inf
        assert a > b + left
    else:
        assert found == pytest.approx(math.log(expected), abs=1e-9)


@given(st.integers(1, 60), st.integers(0, 60), st.integers(0, 60))
def test_the_strongest_rival_decides(leader: int, rival: int, left: int) -> None:
    """Evidence falls with the votes of the rival, so that one comparison covers all of them."""
    votes = np.arange(min(rival, leader) + 1)
    found = log_evidence(np.full_like(votes, leader), votes, left)
    assert (found[1:] <= found[:-1]).all()


@cache
def stops(rule: StoppingRule, leader: int, rival: int, drawn: int) -> bool:
    return bool(rule.stops(np.array(leader), np.array(rival), drawn))


@cache
def played(sequence: tuple[int, ...], rule: StoppingRule) -> tuple[int, list[int]]:
    """Samples drawn, and the answers that are given, each as likely."""
    for drawn in rule.counted_at:
        votes = Counter(sequence[:drawn]).most_common()
        leader, rival = votes[0][1], votes[1][1] if len(votes) > 1 else 0
        if stops(rule, leader, rival, drawn):
            return drawn, [answer for answer, count in votes if count == leader]
    raise AssertionError("never stopped")


@given(laws, errors, st.sampled_from([(), (2, 4), (1, 3)]))
def test_the_stopped_vote_by_enumeration(
    weights: list[int], error: float, looks: tuple[int, ...]
) -> None:
    law, n = shares(weights), 5
    rule = StoppingRule(num_candidates=n, error=error, looks=looks)
    samples, wrong, given_answers, full = 0.0, 0.0, np.zeros(len(law)), np.zeros(len(law))
    for sequence in itertools.product(range(len(law)), repeat=n):
        chance = math.prod(law[answer] for answer in sequence)
        drawn, answers = played(sequence, rule)
        samples += chance * drawn
        votes = Counter(sequence)
        winners = [answer for answer, count in votes.items() if count == max(votes.values())]
        for answer in answers:
            given_answers[answer] += chance / len(answers)
        for answer in winners:
            full[answer] += chance / len(winners)
        wrong += chance * (drawn < n and winners != answers)
    found = stopped_vote(law, rule)
    assert found.mean_samples == pytest.approx(samples)
    np.testing.assert_allclose(found.answers, given_answers, atol=1e-12)
    np.testing.assert_allclose(found.full_vote, full, atol=1e-12)
    assert found.disagreement == pytest.approx(wrong, abs=1e-12)
    assert wrong <= error


@given(laws, st.sampled_from([8, 13]), errors)
def test_the_error_is_as_stated(weights: list[int], n: int, error: float) -> None:
    law = shares(weights)
    found = stopped_vote(law, StoppingRule(num_candidates=n, error=error))
    assert found.disagreement <= error
    assert found.mean_samples <= n
    moved = 0.5 * np.abs(found.answers - found.full_vote).sum()
    assert moved <= found.disagreement + 1e-12
    if error == 0:
        np.testing.assert_allclose(found.answers, found.full_vote, atol=1e-12)


@pytest.mark.parametrize("error", [0.01, 0.05, 0.2])
def test_many_samples_on_close_answers(error: float) -> None:
    """The hardest order: two answers of the same share, and one that seldom comes."""
    found = stopped_vote([0.48, 0.48, 0.04], StoppingRule(num_candidates=24, error=error))
    assert 0 < found.disagreement <= error


def test_more_error_needs_fewer_samples() -> None:
    rules = [StoppingRule(num_candidates=64, error=error) for error in (0.0, 0.01, 0.05, 0.2)]
    assert [rule.unanimous for rule in rules] == [33, 11, 10, 8]
    spent = [stopped_vote([0.9, 0.1], rule).mean_samples for rule in rules]
    assert spent == sorted(spent, reverse=True)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"num_candidates": 0, "error": 0.1}, "num_candidates: 0 is not at least 1"),
        ({"num_candidates": 4, "error": 1.0}, "error: 1.0 is not in"),
        ({"num_candidates": 4, "error": 0.1, "looks": (2, 4)}, "looks: not ascending"),
    ],
)
def test_rules_out_of_range(fields: dict, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        StoppingRule(**fields)
