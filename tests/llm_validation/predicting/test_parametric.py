"""Large-sample predictions against closed forms, and against the learners themselves."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import prediction_coverage
from tests.statistics import Estimate, assert_same_mean
from verigap.llm_validation.pools.features import features
from verigap.llm_validation.pools.leashes import CHI2_1
from verigap.llm_validation.pools.policy_values import Settings, values_at
from verigap.llm_validation.pools.pools import SamplePools, sample_pools
from verigap.llm_validation.predicting import parametric
from verigap.llm_validation.predicting.parametric import (
    estimator,
    learned_error_rates,
    parametric_values,
)
from verigap.llm_validation.traces import Traces


@jax.jit
def penalised_mean(y, ridge, n):
    weight = jnp.full(y.shape, 1 / y.shape[0])
    return estimator(lambda theta: (theta[0] - y) ** 2 / 2, weight, ridge[None], n)


@given(
    st.lists(st.floats(-5, 5), min_size=4, max_size=4), st.floats(0.1, 10.0), st.integers(1, 1000)
)
def test_a_penalised_mean_is_exact(values: list[float], ridge: float, n: int) -> None:
    found = penalised_mean(jnp.asarray(values), jnp.asarray(ridge), jnp.asarray(float(n)))
    # argmin of sum (theta - y_i)^2 / 2 + ridge theta^2 / 2 is sum y_i / (n + ridge).
    shrink = n / (n + ridge)
    assert float(found.centre[0]) == pytest.approx(shrink * np.mean(values), abs=1e-6)
    variance = float((found.root @ found.root.T)[0, 0])
    assert variance == pytest.approx(shrink**2 * np.var(values) / n, abs=1e-9)


def test_fewer_outcomes_than_coefficients() -> None:
    y, n = np.array([1.0, 4.0]), 10.0
    design = np.array([[1.0, 0.0, 1.0], [0.0, 1.0, 1.0]])

    def loss(theta):
        return (jnp.asarray(design) @ theta - jnp.asarray(y)) ** 2 / 2

    found = estimator(loss, jnp.full(2, 0.5), jnp.ones(3), jnp.asarray(n))
    assert found.root.shape == (3, 3)
    scores = design * (design @ np.asarray(found.centre) - y)[:, None]
    scores -= scores.mean(axis=0)
    inverse = np.linalg.inv(design.T @ design / 2 + np.eye(3) / n)
    sandwich = inverse @ (scores.T @ scores / 2) @ inverse / n
    np.testing.assert_allclose(found.root @ found.root.T, sandwich, atol=1e-9)


def test_the_sandwich_of_a_misspecified_logit_by_simulation() -> None:
    # Labels are shares, and not logistic in x.
    rng = np.random.default_rng(1)
    x = np.array([-2.0, -1.0, 0.0, 1.0, 2.0])
    y = np.array([0.7, 0.1, 0.2, 0.9, 0.4])
    design = jnp.asarray(np.stack([x, np.ones(5)], axis=1))

    def loss(theta):
        odds = design @ theta
        return jax.nn.softplus(odds) - jnp.asarray(y) * odds

    n, repeats = 400, 400
    ridge = jnp.asarray([1.0, 1e-3])
    found = estimator(loss, jnp.full(5, 0.2), ridge, jnp.asarray(float(n)))
    counts = rng.multinomial(n, np.full(5, 0.2), repeats)
    fit = jax.jit(
        jax.vmap(
            lambda count: parametric.minimise(
                lambda theta: count @ loss(theta) + ridge @ theta**2 / 2, 2
            )
        )
    )
    fitted = fit(jnp.asarray(counts, float))
    assert fitted.converged.all()
    drawn = np.asarray(fitted.value)
    covariance = np.asarray(found.root @ found.root.T)
    for i in range(2):
        # The bias of order 1/n is not predicted; here it is small beside the sd.
        sd = covariance[i, i] ** 0.5
        mean = float(found.centre[i])
        assert_same_mean(Estimate.of(drawn[:, i]), mean, bias=0.1 * sd, what="centre")
        square = (drawn[:, i] - drawn[:, i].mean()) ** 2
        assert_same_mean(Estimate.of(square), covariance[i, i], bias=0.06 * sd**2, what="variance")


def pools_of(prompts: int, samples: int, seed: int) -> SamplePools:
    """Pools whose correct samples are shorter, as far as the prompt is easy."""
    rng = np.random.default_rng(seed)
    rows = []
    for prompt in range(prompts):
        chance = rng.beta(2, 3)
        for sample in range(samples):
            correct = bool(rng.random() < chance)
            length = int(rng.integers(10, 40)) - 6 * correct
            rows.append(
                {
                    "prompt_id": f"{prompt:03}",
                    "sample_id": sample,
                    "correct": correct,
                    "first_correct": length if correct else None,
                    "n_tokens": length,
                }
            )
    return sample_pools(Traces(pl.DataFrame(rows)))[0]


def test_the_learners_themselves() -> None:
    pools, horizon, data = pools_of(16, 8, 0), 40, (64, 256)
    predicted = parametric_values(pools, horizon, data, 4, CHI2_1)
    # The same halvings, many data sets.
    train = parametric.halves(pools.prompts, seeds=parametric.SPLITS, seed=1)
    repeats = 4
    settings = Settings(
        data_budgets=data,
        num_candidates=4,
        leash=CHI2_1,
        seeds=repeats * len(train),
        seed=7,
    )
    measured = values_at(
        pools, horizon, settings, features(pools, horizon), np.tile(train, (repeats, 1))
    ).values
    base = np.nanmean(measured["base"])
    for name, values in predicted.items():
        assert (np.isnan(values[0]) == train).all()
        truth = measured[name].reshape(len(data), repeats, *train.shape)
        for index, n in enumerate(data):
            draws = np.nanmean(truth[index], axis=(1, 2))
            mean = float(np.nanmean(values[index]))
            # What is left out is of order 1/n, and a few draws stand for the normal law.
            bias = float(0.03 * base if n == 64 else 0.01 * base)
            assert_same_mean(Estimate.of(draws), mean, bias=bias, what=f"{name} at {n}")
    # More data bring the value to its floor and no further.
    found = parametric_values(pools, horizon, (10**5, 10**7), 4, CHI2_1)
    for values in found.values():
        means = np.nanmean(values, axis=(1, 2))
        assert abs(means[1] - means[0]) < 0.01 * abs(means[0])
    rates = learned_error_rates(pools, horizon, 256)
    assert 0 < rates.false_positive < 0.5
    assert 0 < rates.false_negative < 0.8
    # Better than chance: length tells.
    assert rates.false_positive + rates.false_negative < 0.95


@pytest.mark.long
def test_intervals_are_as_wide_as_the_spread_between_tables() -> None:
    """`python -m benchmarks.prediction_coverage` counts what they hold."""
    found = np.array(
        [prediction_coverage.parametric("even", 20, 16, each)["parametric"] for each in range(50)]
    )
    estimate, low, high = np.moveaxis(found, 2, 0)
    spread = (high - low).mean(axis=0) / (2 * 1.96 * estimate.std(axis=0))
    # Drawing test prompts alone gives 0.8 at n = 256; the sd of 50 tables is known to a tenth.
    assert ((spread > 0.9) & (spread < 1.5)).all()
