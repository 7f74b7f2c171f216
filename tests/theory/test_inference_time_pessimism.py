"""Best-of-N with inference-time pessimism against rational arithmetic and enumeration of draws."""

from fractions import Fraction
from itertools import product

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from verigap.theory.arrays import host_array
from verigap.theory.inference_time_pessimism import pessimistic_best_of_n_policy
from verigap.theory.laws import RewardLaw
from verigap.theory.policies import (
    best_of_n_policy,
    chi2_penalised_policy,
    chi2_penalised_threshold,
    policy_chi2,
)

SCORES = (Fraction(-1), Fraction(1, 2), Fraction(2))
masses = st.lists(st.integers(0, 5), min_size=3, max_size=3).filter(any)
strengths = st.fractions(Fraction(1, 20), 6, max_denominator=20)


def shares(weights: list[int]) -> list[Fraction]:
    return [Fraction(weight, sum(weights)) for weight in weights]


def law_of(law: list[Fraction]) -> RewardLaw:
    return RewardLaw(host_array(np.array(SCORES, float)), host_array([float(p) for p in law]))


def threshold(law: list[Fraction], beta: Fraction) -> Fraction:
    """The root of the falling, piecewise linear excess, by trying every active set."""
    for first in range(len(law)):
        mass = sum(law[first:], Fraction(0))
        if not mass:
            continue
        level = (sum(p * s for p, s in zip(law[first:], SCORES[first:], strict=True)) - beta) / mass
        excess = sum(p * max(s - level, Fraction(0)) for p, s in zip(law, SCORES, strict=True))
        if excess == beta:
            return level
    raise AssertionError("no active set has the excess")


@given(masses, strengths)
def test_the_threshold_and_the_policy(weights: list[int], beta: Fraction) -> None:
    law, exact = law_of(shares(weights)), threshold(shares(weights), beta)
    assert float(chi2_penalised_threshold(law, float(beta))) == pytest.approx(
        float(exact), abs=1e-12
    )
    ratio = chi2_penalised_policy(law, float(beta))
    expected = [float(max(score - exact, Fraction(0)) / beta) for score in SCORES]
    np.testing.assert_allclose(ratio, expected, atol=1e-11)
    assert float(jnp.sum(law.probabilities * ratio)) == pytest.approx(1.0)


@given(masses, strengths, st.integers(1, 4))
def test_n_candidates_by_enumeration(weights: list[int], beta: Fraction, n: int) -> None:
    law = shares(weights)
    picked = [Fraction(0)] * 3
    for drawn in product(range(3), repeat=n):
        chance = Fraction(1)
        for kind in drawn:
            chance *= law[kind]
        empirical = [Fraction(drawn.count(kind), n) for kind in range(3)]
        level = threshold(empirical, beta)
        for kind in drawn:
            picked[kind] += chance * max(SCORES[kind] - level, Fraction(0)) / (beta * n)
    ratio = pessimistic_best_of_n_policy(law_of(law), n, float(beta))
    found = np.asarray(law_of(law).probabilities) * ratio
    np.testing.assert_allclose(found, [float(p) for p in picked], atol=1e-12)
    assert ratio.max() <= n * (1 + 1e-12)


@given(masses, st.integers(1, 5))
def test_without_regularisation_it_is_best_of_n(weights: list[int], n: int) -> None:
    law = law_of(shares(weights))
    found = pessimistic_best_of_n_policy(law, n, 1e-9)
    np.testing.assert_allclose(found, best_of_n_policy(law, float(n)), atol=1e-6)


@given(masses, strengths, st.lists(st.floats(-1.0, 2.0), min_size=3, max_size=3), masses)
def test_the_regret_bound(
    weights: list[int], beta: Fraction, reward: list[float], other: list[int]
) -> None:
    law, true = law_of(shares(weights)), np.array(reward)
    base = np.asarray(law.probabilities)
    charged = base > 0
    rival = np.where(charged, other, 0.0)
    if not rival.sum():
        return
    rival = np.where(charged, rival / rival.sum() / np.where(charged, base, 1.0), 0.0)
    squared = float(base @ (np.asarray(law.atoms) - true) ** 2)
    ratio = np.asarray(chi2_penalised_policy(law, float(beta)))
    lost = float((base * (rival - ratio)) @ true)
    distance = float(policy_chi2(law, host_array(rival)))
    assert lost <= float(beta) * distance / 2 + squared / (2 * float(beta)) + 1e-9


def test_best_of_n_falls_and_pessimism_does_not() -> None:
    """A rare trace that scores highest is always wrong: the mechanism of arXiv 2503.21878."""
    law = RewardLaw(host_array([0.0, 1.0, 2.0]), host_array([0.7, 0.28, 0.02]))
    right = np.array([0.05, 0.8, 0.0])

    def earned(ratio: np.ndarray) -> float:
        return float(np.asarray(law.probabilities) * ratio @ right)

    counts = (1, 2, 4, 8, 16, 32, 64, 128, 256)
    best = [earned(np.asarray(best_of_n_policy(law, float(n)))) for n in counts]
    leashed = [earned(pessimistic_best_of_n_policy(law, n, 0.2)) for n in counts]
    assert int(np.argmax(best)) == 3
    assert best[-1] < 0.01 < 0.25 < best[0]
    assert min(leashed[4:]) > max(best)
    limit = earned(np.asarray(chi2_penalised_policy(law, 0.2)))
    assert leashed[-1] == pytest.approx(limit, abs=2e-3)


def test_it_compiles_and_has_a_gradient() -> None:
    law = RewardLaw(jnp.array([0.0, 1.0, 2.0]), jnp.array([[0.5, 0.3, 0.2], [0.0, 1.0, 0.0]]))
    found = jax.jit(chi2_penalised_policy)(law, 0.3)
    np.testing.assert_allclose(found, chi2_penalised_policy(law, 0.3), rtol=1e-6)
    slope = jax.grad(lambda beta: chi2_penalised_threshold(law, beta).sum())(0.3)
    # The active sets have masses 0.5, the two top atoms of the first prompt, and 1.
    assert float(slope) == pytest.approx(-1 / 0.5 - 1.0, rel=1e-5)
