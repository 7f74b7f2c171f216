"""Returns as a check that errs reports them, against enumeration in rational arithmetic."""

from fractions import Fraction

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from verigap.theory.imperfect_verifier import observed_returns
from verigap.theory.laws import RewardLaw
from verigap.theory.policies import best_of_n_policy
from verigap.theory.scored_verifier import ScoredLaw, scored_best_of_n_value

RETURNS = (0, 3, 8)
rates = st.fractions(0, 1, max_denominator=6)
laws = st.lists(st.integers(0, 5), min_size=3, max_size=3).filter(any)


def shares(weights: list[int]) -> list[Fraction]:
    return [Fraction(weight, sum(weights)) for weight in weights]


def law_of(*rows: list[Fraction]) -> RewardLaw:
    return RewardLaw.checked(np.array(RETURNS), np.array([[float(p) for p in row] for row in rows]))


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
    check = ScoredLaw.from_roc(table, jnp.zeros(1), jnp.zeros(1))
    assert float(scored_best_of_n_value(check, float(samples))[0]) <= earned + 1e-9
