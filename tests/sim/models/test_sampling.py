"""Cached sampling against its slow oracle, and drawn tokens against the model's own law."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from tests.sim.models.small_models import CONFIG, lively
from tests.statistics import assert_fits
from verigap.sim.models.sampling import log_probabilities, sample, sample_many, sample_uncached

PARAMS = lively(CONFIG)
KEY = jax.random.key(3)
PROMPTS = jnp.asarray(np.random.default_rng(0).integers(4, 8, (24, 2)), jnp.int32)
HORIZON = 20  # more than a block of the uncached sampler


@pytest.mark.smoke
def test_the_cache_changes_no_trace() -> None:
    cached, logarithms = sample(KEY, PARAMS, CONFIG, PROMPTS, HORIZON)
    uncached, same_logarithms = sample_uncached(KEY, PARAMS, CONFIG, PROMPTS, HORIZON)
    np.testing.assert_array_equal(cached, uncached)
    np.testing.assert_allclose(logarithms, same_logarithms, atol=1e-4)
    forced = log_probabilities(PARAMS, CONFIG, PROMPTS, cached)
    np.testing.assert_allclose(logarithms, forced, atol=1e-4)
    assert cached.dtype == jnp.int32
    assert logarithms.dtype == jnp.float32


def test_a_trace_does_not_depend_on_its_batch() -> None:
    whole, logarithms = sample(KEY, PARAMS, CONFIG, PROMPTS, HORIZON)
    part, _ = sample(KEY, PARAMS, CONFIG, PROMPTS[7:12], HORIZON, offset=7)
    np.testing.assert_array_equal(part, whole[7:12])
    for chunk in (5, 100):
        chunks, same = sample_many(KEY, PARAMS, CONFIG, PROMPTS, HORIZON, chunk=chunk)
        np.testing.assert_array_equal(chunks, whole)
        np.testing.assert_allclose(same, logarithms, atol=1e-4)
    shorter, _ = sample_many(KEY, PARAMS, CONFIG, PROMPTS[5:], HORIZON, chunk=5, offset=5)
    np.testing.assert_array_equal(shorter, whole[5:])


def test_traces_appear_as_often_as_the_model_says() -> None:
    rows, horizon = 8192, 3
    prompts = jnp.broadcast_to(PROMPTS[:1], (rows, 2))
    traces, logarithms = sample(KEY, PARAMS, CONFIG, prompts, horizon)
    every = jnp.asarray(list(itertools.product(range(4), repeat=horizon)), jnp.int32)
    law = np.exp(log_probabilities(PARAMS, CONFIG, prompts[: len(every)], every).sum(axis=1))
    assert law.sum() == pytest.approx(1, abs=1e-5)
    ranks = np.asarray(traces) @ np.array([16, 4, 1])
    observed = np.bincount(ranks, minlength=len(every))
    expected = rows * np.asarray(law, float) / law.sum(dtype=float)
    # Cells too rare for the test join the commonest.
    common = np.where(expected >= 5, np.arange(len(every)), np.argmax(expected))
    groups = np.unique(common, return_inverse=True)[1]
    assert groups.max() > 20
    fit = stats.chisquare(np.bincount(groups, observed), np.bincount(groups, expected))
    assert_fits(fit, "traces of three tokens")
    np.testing.assert_allclose(np.exp(logarithms.sum(axis=1)), law[ranks], rtol=1e-3)


def test_one_token_and_too_many() -> None:
    one, _ = sample(KEY, PARAMS, CONFIG, PROMPTS, 1)
    whole, _ = sample(KEY, PARAMS, CONFIG, PROMPTS, HORIZON)
    assert one.shape == (24, 1)
    np.testing.assert_array_equal(
        one[:, 0], sample_uncached(KEY, PARAMS, CONFIG, PROMPTS, 1)[0][:, 0]
    )
    assert whole.shape == (24, HORIZON)
    with pytest.raises(ValueError, match="the model has 40 positions"):
        sample(KEY, PARAMS, CONFIG, PROMPTS, 40)
    with pytest.raises(ValueError, match="at least one symbol"):
        sample(KEY, PARAMS, CONFIG, PROMPTS[:, :0], 5)


def test_the_last_position_is_used() -> None:
    traces, _ = jax.eval_shape(lambda: sample(KEY, PARAMS, CONFIG, PROMPTS, 39))
    assert traces.shape == (24, 39)
