"""Self-verify, then correct: the chain against all paths, simulation and best-of-N."""

from fractions import Fraction
from itertools import product

import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.statistics import Estimate, assert_same_mean
from verigap.theory.arrays import host_array
from verigap.theory.laws import RewardLaw
from verigap.theory.scored_verifier import ScoredLaw, scored_best_of_n_value
from verigap.theory.self_correction import SelfCorrection, corrected_answer, corrected_limit

rates = st.fractions(0, 1, max_denominator=6)
policies = st.tuples(rates, rates, rates, rates, rates)


def policy_of(values: tuple[Fraction, ...] | tuple[float, ...]) -> SelfCorrection:
    return SelfCorrection(*(host_array(float(value)) for value in values))


@given(policies, st.integers(1, 4))
def test_all_paths(values: tuple[Fraction, ...], most: int) -> None:
    first, corrected, kept, false_positive, false_negative = values
    success = attempts = checks = Fraction(0)
    for path in product((False, True), repeat=2 * most - 1):
        chance, rights, verdicts = Fraction(1), path[:most], path[most:]
        made = most
        for place, right in enumerate(rights):
            before = first if place == 0 else (kept if rights[place - 1] else corrected)
            chance *= before if right else 1 - before
            if place < most - 1:
                accept = 1 - false_negative if right else false_positive
                chance *= accept if verdicts[place] else 1 - accept
        accepted = [place for place, verdict in enumerate(verdicts) if verdict]
        made = accepted[0] + 1 if accepted else most
        success += chance * rights[made - 1]
        attempts += chance * made
        checks += chance * min(made, most - 1)
    found = corrected_answer(policy_of(values), most)
    assert float(found.success) == pytest.approx(float(success))
    assert float(found.attempts) == pytest.approx(float(attempts))
    assert float(found.checks) == pytest.approx(float(checks))
    assert float(found.tokens(10.0, 3.0)) == pytest.approx(float(10 * attempts + 3 * checks))


@given(policies)
def test_the_limit(values: tuple[Fraction, ...]) -> None:
    policy = policy_of(values)
    _, corrected, kept, false_positive, false_negative = map(float, values)
    missed, caught = false_negative, 1 - false_positive
    chain = [[missed * kept, missed * (1 - kept)], [caught * corrected, caught * (1 - corrected)]]
    slowest = np.abs(np.linalg.eigvals(chain)).max()
    limit = float(corrected_limit(policy))
    assert np.isnan(limit) == (slowest > 1 - 1e-9)
    if slowest**80 < 1e-9:
        assert limit == pytest.approx(float(corrected_answer(policy, 80).success), abs=1e-7)


@given(rates, rates, rates, st.integers(1, 8))
def test_fresh_attempts_are_best_of_n(
    success: Fraction, false_positive: Fraction, false_negative: Fraction, most: int
) -> None:
    p = float(success)
    law = RewardLaw(host_array([0.0, 1.0]), host_array([1 - p, p]))
    errors = host_array([float(false_positive)]), host_array([float(false_negative)])
    expected = scored_best_of_n_value(ScoredLaw.from_roc(law, *errors), float(most))
    found = corrected_answer(
        policy_of((p, p, p, float(false_positive), float(false_negative))), most
    )
    assert float(found.success) == pytest.approx(float(expected), abs=1e-12)
    assert float(found.attempts) <= most


def test_against_simulation() -> None:
    rates = (0.35, 0.25, 0.6, 0.15, 0.3)
    first, corrected, kept, false_positive, false_negative = rates
    rng, runs, most = np.random.default_rng(8), 200_000, 5
    right = rng.random(runs) < first
    open_, made = np.ones(runs, bool), np.ones(runs)
    for _ in range(most - 1):
        accept = rng.random(runs) < np.where(right, 1 - false_negative, false_positive)
        open_ &= ~accept
        again = rng.random(runs) < np.where(right, kept, corrected)
        right = np.where(open_, again, right)
        made += open_
    found = corrected_answer(policy_of(rates), most)
    assert_same_mean(Estimate.of(right), float(found.success), what="success")
    assert_same_mean(Estimate.of(made), float(found.attempts), what="attempts")


@pytest.mark.parametrize(
    ("rates", "rises"),
    [
        # A check that tells right from wrong, and corrections that keep what was right.
        ((0.3, 0.2, 0.9, 0.1, 0.1), True),
        # A check that rejects most of what is right, and corrections that break it.
        ((0.6, 0.1, 0.1, 0.3, 0.6), False),
    ],
)
def test_more_attempts_help_only_behind_a_good_check(rates: tuple[float, ...], rises: bool) -> None:
    values = [float(corrected_answer(policy_of(rates), most).success) for most in range(1, 9)]
    assert (np.diff(values) > 0).all() == rises
    assert (values[-1] > values[0]) == rises


def test_better_checks_and_corrections_are_worth_more() -> None:
    """Both of what S2R trains raise the answer: verifying and correcting."""
    base = [0.4, 0.3, 0.8, 0.2, 0.2]
    of_base = float(corrected_answer(policy_of(tuple(base)), 4).success)
    for place, better in ((1, 0.5), (2, 1.0), (3, 0.05), (4, 0.05)):
        rates = [*base[:place], better, *base[place + 1 :]]
        assert float(corrected_answer(policy_of(tuple(rates)), 4).success) > of_base


def test_it_compiles_for_many_prompts() -> None:
    rates = np.random.default_rng(0).random((5, 3))
    policy = SelfCorrection(*map(jax.numpy.asarray, rates))
    found = jax.jit(corrected_answer, static_argnums=1)(policy, 3)
    for prompt, values in enumerate(rates.T):
        one = corrected_answer(policy_of(tuple(values)), 3)
        np.testing.assert_allclose(found.success[prompt], float(one.success))
