"""Cloning with limited confidence against automatic gradients and enumeration of demonstrations."""

import itertools
import math
from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from verigap.theory.arrays import host_array
from verigap.theory.limited_confidence import (
    cloned_policies,
    confidence_weight,
    expected_pass_at_n,
    limited_loss,
    pass_at_n,
)

shares = st.lists(st.integers(0, 5), min_size=3, max_size=3).filter(any)


def law(weights: list[int]) -> list[Fraction]:
    return [Fraction(weight, sum(weights)) for weight in weights]


@given(shares, shares, st.integers(1, 4))
def test_pass_at_n_by_enumeration(policy: list[int], truth: list[int], n: int) -> None:
    plays, right, solved = law(policy), law(truth), Fraction(0)
    for drawn in itertools.product(range(3), repeat=n):
        chance = math.prod((plays[answer] for answer in drawn), start=Fraction(1))
        solved += chance * sum(right[answer] for answer in set(drawn))
    plays_table, truth_table = (host_array([float(p) for p in each]) for each in (plays, right))
    assert float(pass_at_n(plays_table, truth_table, n)) == pytest.approx(float(solved))


@given(st.floats(0.001, 1.0), st.sampled_from([1.0, 2.0, 16.0, 256.0]))
def test_the_loss_and_its_weight(probability: float, n: float) -> None:
    p = host_array(probability)
    loss, weight = float(limited_loss(p, n)), float(confidence_weight(p, n))
    assert loss == pytest.approx(-math.log1p(-((1 - probability) ** n)), abs=1e-12)
    assert -1e-12 <= weight <= 1 + 1e-12
    assert weight <= float(confidence_weight(p / 2, n)) + 1e-12
    if n == 1:
        assert loss == pytest.approx(-math.log(probability), abs=1e-12)
        assert weight == pytest.approx(1.0)
    if probability < 1:
        slope = jax.grad(lambda q: limited_loss(q, n))(jnp.asarray(probability))
        assert float(slope) == pytest.approx(-weight / probability, rel=1e-6, abs=1e-12)


@pytest.mark.parametrize("trained_for", [1.0, 8.0])
def test_steps_follow_the_gradient(trained_for: float) -> None:
    frequencies, rate = np.array([0.5, 0.3, 0.2, 0.0]), 0.7

    def loss(logits: jax.Array) -> jax.Array:
        return jnp.sum(frequencies * limited_loss(jax.nn.softmax(logits), trained_for))

    slope = jax.jit(jax.grad(loss))
    logits, steps = jnp.zeros(4), (0, 1, 2, 9)
    found = cloned_policies(frequencies, trained_for, steps, rate)
    for step in range(10):
        if step in steps:
            np.testing.assert_allclose(found[steps.index(step)], jax.nn.softmax(logits), rtol=1e-9)
        logits = logits - rate * slope(logits)


def test_the_mean_over_all_demonstrations() -> None:
    truth, steps = np.array([0.5, 0.3, 0.2]), (0, 5, 40)
    expected = np.zeros(3)
    for drawn in itertools.product(range(3), repeat=4):
        frequencies = np.bincount(drawn, minlength=3) / 4
        policies = cloned_policies(frequencies, 6.0, steps)
        values = [(truth * (1 - (1 - policy) ** 6)).sum() for policy in policies]
        expected += math.prod(truth[list(drawn)]) * np.array(values)
    found = expected_pass_at_n(truth, 4, 6.0, 6.0, steps)
    np.testing.assert_allclose(found, expected, rtol=1e-10)


def test_longer_cloning_lowers_pass_at_n_and_a_limit_delays_it() -> None:
    """The mechanism of arXiv 2502.07154, and where it ends: unseen answers still lose all mass."""
    truth, steps = 1 / np.arange(1.0, 7.0), (0, 3, 10, 30, 100)
    truth /= truth.sum()
    plain, limited = (expected_pass_at_n(truth, 6, n, 16.0, steps) for n in (1.0, 16.0))
    assert plain[-1] < plain[0] - 0.18
    assert limited[2] > limited[0] > limited[-1] > plain[-1] + 0.1
    # It is bought with pass@1.
    ones = [expected_pass_at_n(truth, 6, n, 1.0, steps)[-1] for n in (1.0, 16.0)]
    assert ones[0] > ones[1] > truth @ np.full(6, 1 / 6)


def test_with_every_answer_seen_the_limit_gains_for_good() -> None:
    truth = host_array([0.6, 0.25, 0.1, 0.05])
    plain, limited = (
        host_array(cloned_policies(np.asarray(truth), n, (0, 3_000), rate=5.0)[-1])
        for n in (1.0, 16.0)
    )
    np.testing.assert_allclose(plain, truth, atol=1e-9)
    gain = pass_at_n(limited, truth, 16.0) - pass_at_n(plain, truth, 16.0)
    assert float(gain) > 0.01
