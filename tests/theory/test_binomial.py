"""Binomial probabilities against scipy, to 65,536 trials, in both precisions."""

from fractions import Fraction
from math import comb, log

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from verigap.theory.binomial import binomial_log_pmf

log_pmf = jax.jit(binomial_log_pmf)


def counts_near(trials, probability):
    """Up to about 400 counts: both ends, the bulk, and the far tails."""
    centre = round(trials * probability)
    ends = [*range(20), *range(trials - 20, trials + 1)]
    bulk = np.linspace(centre - 20 * trials**0.5, centre + 20 * trials**0.5, 300).round()
    kept = {int(c) for c in [*ends, *bulk, *np.linspace(0, trials, 60)] if 0 <= c <= trials}
    return np.array(sorted(kept), dtype=float)


@pytest.mark.parametrize("trials", [1, 2, 7, 40, 1000, 65_536, 1 << 22])
@pytest.mark.parametrize("probability", [0.5, 0.56, 0.1, 1e-4])
def test_float64_agrees_with_scipy(trials, probability):
    counts = counts_near(trials, probability)
    computed = log_pmf(jnp.asarray(counts), jnp.asarray(float(trials)), jnp.asarray(probability))
    expected = stats.binom.logpmf(counts, trials, probability)
    # scipy subtracts logarithms of factorials, and so rounds at the size of ln(trials!).
    rounding = 1e-11 + 5e-16 * trials * np.log(trials + 1.0)
    np.testing.assert_allclose(computed, expected, rtol=1e-11, atol=rounding)


def test_float64_at_65536_trials_agrees_with_exact_integers():
    trials = 65_536
    counts = [0, 1, 2, 32_000, 32_768, 33_500, 35_000, 65_535]
    exact = [log(comb(trials, k)) - trials * log(2) for k in counts]
    near = {k: log(comb(trials, k) / 2**trials) for k in counts if abs(k - trials / 2) < 4000}
    computed = log_pmf(
        jnp.asarray(counts, dtype=float), jnp.asarray(float(trials)), jnp.asarray(0.5)
    )
    np.testing.assert_allclose(computed, exact, atol=2e-10)
    np.testing.assert_allclose(
        [c for c, k in zip(computed, counts, strict=True) if k in near],
        list(near.values()),
        rtol=1e-13,
    )


@pytest.mark.parametrize("probability", [0.5, 0.56, 0.1])
def test_float32_at_65536_trials_errs_by_less_than_a_thousandth(probability):
    trials = 65_536
    spread = (trials * probability * (1 - probability)) ** 0.5
    counts = np.unique((trials * probability + np.linspace(-12, 12, 500) * spread).round())
    narrow = (jnp.asarray(v, jnp.float32) for v in (counts, float(trials), probability))
    computed = log_pmf(*narrow)
    assert computed.dtype == jnp.float32
    # The reference uses the rounded probability, as its rounding is not this function's error.
    expected = stats.binom.logpmf(counts, trials, float(np.float32(probability)))
    np.testing.assert_allclose(computed, expected, atol=1e-3, rtol=1e-5)
    bulk = np.abs(counts - trials * probability) < 3 * spread
    np.testing.assert_allclose(computed[bulk], expected[bulk], atol=2e-4)


def test_agrees_with_exact_rationals():
    chance = Fraction(3, 8)
    for trials in (1, 5, 23):
        exact = [
            log(comb(trials, k) * chance**k * (1 - chance) ** (trials - k))
            for k in range(trials + 1)
        ]
        counts = jnp.arange(trials + 1.0)
        computed = log_pmf(counts, jnp.asarray(float(trials)), jnp.asarray(0.375))
        np.testing.assert_allclose(computed, exact, rtol=1e-13, atol=1e-13)


def test_impossible_and_certain_outcomes():
    counts = jnp.array([-1.0, 0.0, 1.0, 3.0, 4.0])
    three = jnp.asarray(3.0)
    np.testing.assert_array_equal(
        log_pmf(counts, three, jnp.asarray(0.0)), [-np.inf, 0, -np.inf, -np.inf, -np.inf]
    )
    np.testing.assert_array_equal(
        log_pmf(counts, three, jnp.asarray(1.0)), [-np.inf, -np.inf, -np.inf, 0, -np.inf]
    )
    none = log_pmf(counts, jnp.asarray(0.0), jnp.asarray(0.3))
    np.testing.assert_array_equal(none, [-np.inf, 0, -np.inf, -np.inf, -np.inf])


def test_probabilities_sum_to_one_and_the_score_is_their_derivative():
    counts, trials = jnp.arange(101.0), jnp.asarray(100.0)
    np.testing.assert_allclose(jnp.sum(jnp.exp(log_pmf(counts, trials, jnp.asarray(0.37)))), 1.0)
    slope = jax.jacfwd(lambda p: log_pmf(counts, trials, p))(jnp.asarray(0.37))
    score = (np.arange(101) - 37) / (0.37 * 0.63)
    np.testing.assert_allclose(slope, score, rtol=1e-9, atol=1e-9)
