"""Best-of-N under a check that errs, against enumeration of all draws in rational arithmetic."""

from fractions import Fraction
from itertools import product

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from verigap.theory.imperfect_verifier import (
    acceptance,
    accepted_best_of_n_policy,
    accepted_best_of_n_value,
    best_num_candidates,
    observed_returns,
    precision,
)
from verigap.theory.laws import RewardLaw
from verigap.theory.policies import best_of_n_policy, policy_chi2

RETURNS = (0, 3, 8)
rates = st.fractions(0, 1, max_denominator=6)
laws = st.lists(st.integers(0, 5), min_size=3, max_size=3).filter(any)


def shares(weights: list[int]) -> list[Fraction]:
    return [Fraction(weight, sum(weights)) for weight in weights]


def law_of(*rows: list[Fraction]) -> RewardLaw:
    return RewardLaw.checked(np.array(RETURNS), np.array([[float(p) for p in row] for row in rows]))


def enumerated(
    law: list[Fraction], accept: list[Fraction], samples: int
) -> tuple[list[Fraction], Fraction]:
    """Law of the pick, and its mean return, over all draws and verdicts."""
    picked = [Fraction(0)] * len(law)
    for draws in product(range(len(law)), repeat=samples):
        for verdicts in product((True, False), repeat=samples):
            chance = Fraction(1)
            for i, verdict in zip(draws, verdicts, strict=True):
                chance *= law[i] * (accept[i] if verdict else 1 - accept[i])
            kept = [i for i, verdict in zip(draws, verdicts, strict=True) if verdict] or draws
            for i in kept:
                picked[i] += chance / len(kept)
    return picked, sum((p * r for p, r in zip(picked, RETURNS, strict=True)), Fraction(0))


@given(laws, rates, rates, st.integers(1, 3))
def test_the_pick_by_enumeration(
    weights: list[int], false_positive: Fraction, false_negative: Fraction, samples: int
) -> None:
    law = shares(weights)
    chance = [false_positive, 1 - false_negative, 1 - false_negative]
    picked, value = enumerated(law, chance, samples)
    table = law_of(law)
    accept = acceptance(table, float(false_positive), float(false_negative))
    ratio = np.asarray(accepted_best_of_n_policy(table, accept, float(samples)))[0]
    found = np.asarray(table.probabilities)[0] * ratio
    np.testing.assert_allclose(found, [float(p) for p in picked], atol=1e-12)
    assert ratio.max() <= samples * (1 + 1e-12)
    mean = accepted_best_of_n_value(table, accept, float(samples))
    assert float(mean[0]) == pytest.approx(float(value), abs=1e-12)


@given(laws, rates, rates)
def test_more_draws_help_a_check_that_tells_more_than_nothing(
    weights: list[int], false_positive: Fraction, false_negative: Fraction
) -> None:
    table = law_of(shares(weights))
    accept = acceptance(table, float(false_positive), float(false_negative))
    numbers = (1.0, 2.0, 5.0, 30.0, 1e9)
    values = np.array([float(accepted_best_of_n_value(table, accept, n)[0]) for n in numbers])
    sign = 1 if false_positive + false_negative <= 1 else -1
    assert (sign * np.diff(values) >= -1e-12).all()
    success = 1.0 - float(table.probabilities[0, 0])
    limit = float(precision(jnp.asarray(success), float(false_positive), float(false_negative)))
    accepted = float(jnp.sum(table.probabilities * accept))
    if accepted > 1e-6:
        right = float(jnp.sum(table.probabilities[0, 1:] * table.atoms[0, 1:])) / max(success, 1e-9)
        assert values[-1] == pytest.approx(limit * right, abs=1e-9)


def test_over_prompts_the_value_may_rise_and_fall() -> None:
    # An easy prompt that the check judges well, a hard one on which it accepts what is wrong.
    table = law_of(shares([1, 0, 1]), shares([9, 0, 1]))
    accept = acceptance(table, jnp.asarray([0.0, 0.02]), jnp.asarray([0.1, 1.0]))
    values = [float(accepted_best_of_n_value(table, accept, float(n)).mean()) for n in range(1, 80)]
    best, value = best_num_candidates(table, accept, 79)
    assert best == int(np.argmax(values)) + 1 == 10
    assert value == pytest.approx(max(values), abs=1e-12)
    assert values[-1] < value - 0.1 > values[0]


@given(laws, laws, rates, rates, st.integers(1, 12))
def test_the_best_number_is_found(
    first: list[int],
    second: list[int],
    false_positive: Fraction,
    false_negative: Fraction,
    most: int,
) -> None:
    table = law_of(shares(first), shares(second))
    # Error rates that differ between the prompts.
    wrong = jnp.asarray([float(false_positive), float(1 - false_positive)])
    missed = jnp.asarray([float(false_negative), float(false_negative) ** 2])
    accept = acceptance(table, wrong, missed)
    values = [
        float(accepted_best_of_n_value(table, accept, float(n)).mean()) for n in range(1, most + 1)
    ]
    best, value = best_num_candidates(table, accept, most)
    assert value == pytest.approx(max(values), abs=1e-9)
    assert values[best - 1] == pytest.approx(max(values), abs=1e-9)


@given(laws, rates, rates)
def test_observed_returns_by_enumeration(
    weights: list[int], false_positive: Fraction, false_negative: Fraction
) -> None:
    law = shares(weights)
    success = 1 - law[0]
    correct = [p / success for p in law[1:]] if success else [Fraction(0), Fraction(1)]
    # (shown, true return) of every outcome.
    joint = {(0, 0): law[0] * (1 - false_positive)}
    for i, shown in enumerate(RETURNS[1:]):
        joint[(shown, 0)] = law[0] * false_positive * correct[i]
        joint[(shown, shown)] = law[i + 1] * (1 - false_negative)
        joint[(0, shown)] = law[i + 1] * false_negative
    table = law_of(law)
    seen = observed_returns(table, float(false_positive), float(false_negative))
    for k, shown in enumerate(RETURNS):
        mass = sum((p for (s, _), p in joint.items() if s == shown), Fraction(0))
        paid = sum((p * true for (s, true), p in joint.items() if s == shown), Fraction(0))
        assert float(seen.law.probabilities[0, k]) == pytest.approx(float(mass), abs=1e-12)
        assert float(seen.law.probabilities[0, k] * seen.true_return[0, k]) == pytest.approx(
            float(paid), abs=1e-12
        )


@given(laws, st.integers(1, 6))
def test_a_check_without_errors_shows_the_returns(weights: list[int], samples: int) -> None:
    table = law_of(shares(weights))
    seen = observed_returns(table, 0.0, 0.0)
    np.testing.assert_allclose(seen.law.probabilities, table.probabilities, atol=1e-12)
    ratio = best_of_n_policy(seen.law, float(samples))
    earned = jnp.sum(seen.law.probabilities * ratio * seen.true_return)
    assert float(earned) == pytest.approx(float(table.expectation(ratio)[0]), abs=1e-9)
    # And among the accepted ones the pick is at most the best.
    accept = acceptance(table, 0.0, 0.0)
    assert float(accepted_best_of_n_value(table, accept, float(samples))[0]) <= earned + 1e-9
    assert float(policy_chi2(table, ratio)[0]) >= -1e-9
