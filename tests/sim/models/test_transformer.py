"""The network against NumPy, its causality, its losses and their gradients."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.sim.models.numpy_transformer import forward
from tests.sim.models.small_models import CONFIG, lively
from verigap.sim.models.config import TransformerConfig
from verigap.sim.models.losses import next_token_loss, predict_prefixes, prefix_loss
from verigap.sim.models.sampling import log_probabilities
from verigap.sim.models.transformer import apply, count_parameters, init

VERIFIER = TransformerConfig(vocabulary=8, outputs=1, length=40, layers=1, width=8, heads=2)
RNG = np.random.default_rng(0)
TOKENS = jnp.asarray(RNG.integers(0, 8, (3, 40)), jnp.int32)
PROMPTS, TRACES = TOKENS[:, :2], TOKENS[:, 2:8] % 4


@pytest.mark.smoke
def test_the_forward_pass_is_the_one_of_numpy() -> None:
    params = lively(CONFIG)
    outputs = apply(params, CONFIG, TOKENS)
    assert outputs.dtype == jnp.float32
    np.testing.assert_allclose(outputs, forward(params, CONFIG, np.asarray(TOKENS)), atol=2e-5)


def test_no_output_sees_a_later_token() -> None:
    params = lively(CONFIG)
    before = apply(params, CONFIG, TOKENS)
    for place in (1, 31, 32, 39):
        after = apply(params, CONFIG, TOKENS.at[:, place].set((TOKENS[:, place] + 1) % 8))
        np.testing.assert_array_equal(after[:, :place], before[:, :place])
        assert jnp.all(jnp.any(after[:, place:] != before[:, place:], axis=2))


def test_initial_parameters_are_float32_counted_and_nearly_uniform() -> None:
    params = init(jax.random.key(0), CONFIG)
    leaves = jax.tree.leaves(params)
    assert {leaf.dtype for leaf in leaves} == {jnp.dtype("float32")}
    block = (4 + 2 * 4) * 8**2 + (3 + 1 + 4 + 1) * 8 + 2 * 2 * 8
    assert count_parameters(CONFIG) == (8 + 40) * 8 + 2 * block + 2 * 8 + 8 * 4 + 4
    assert sum(leaf.size for leaf in leaves) == count_parameters(CONFIG)
    loss = next_token_loss(params, CONFIG, PROMPTS, TRACES)
    assert float(loss) == pytest.approx(math.log(4), abs=0.2)


def reference_logarithms(params) -> np.ndarray:
    read = np.concatenate([PROMPTS, TRACES], axis=1)
    logits = forward(params, CONFIG, read)[:, 1:-1]
    laws = np.exp(logits) / np.exp(logits).sum(axis=2, keepdims=True)
    return np.log(np.take_along_axis(laws, np.asarray(TRACES)[:, :, None], axis=2)[:, :, 0])


def test_the_loss_is_the_mean_negative_log_probability() -> None:
    params = lively(CONFIG)
    expected = reference_logarithms(params)
    found = log_probabilities(params, CONFIG, PROMPTS, TRACES)
    np.testing.assert_allclose(found, expected, atol=2e-5)
    plain = next_token_loss(params, CONFIG, PROMPTS, TRACES)
    assert float(plain) == pytest.approx(-expected.mean(), abs=1e-5)
    weights = np.array([2.0, 0.0, 1.0])
    weighted = next_token_loss(params, CONFIG, PROMPTS, TRACES, jnp.asarray(weights))
    assert float(weighted) == pytest.approx(-weights @ expected.mean(axis=1) / 3, abs=1e-5)


def test_the_gradient_is_that_of_the_numpy_loss() -> None:
    params = lively(CONFIG)
    gradient = jax.grad(next_token_loss)(params, CONFIG, PROMPTS, TRACES)
    rng = np.random.default_rng(1)
    for _ in range(4):
        way = jax.tree.map(lambda leaf: rng.normal(size=leaf.shape), params)
        ends = [
            -reference_logarithms(
                jax.tree.map(lambda p, w, h=h: np.asarray(p, float) + h * w, params, way)
            ).mean()
            for h in (1e-5, -1e-5)
        ]
        products = jax.tree.map(lambda g, w: float(np.sum(np.asarray(g, float) * w)), gradient, way)
        slope = sum(jax.tree.leaves(products))
        assert slope == pytest.approx((ends[0] - ends[1]) / 2e-5, rel=1e-3, abs=1e-4)


def test_a_verifier_reads_each_prefix_up_to_its_last_token() -> None:
    params = lively(VERIFIER)
    read = np.concatenate([PROMPTS, TRACES], axis=1)
    expected = 1 / (1 + np.exp(-forward(params, VERIFIER, read)[:, 2:, 0]))
    found = predict_prefixes(params, VERIFIER, PROMPTS, TRACES)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    labels = RNG.uniform(size=expected.shape)
    entropy = -(labels * np.log(expected) + (1 - labels) * np.log(1 - expected))
    loss = prefix_loss(params, VERIFIER, PROMPTS, TRACES, jnp.asarray(labels))
    assert float(loss) == pytest.approx(entropy.mean(), abs=1e-5)


def test_what_a_model_cannot_read_is_refused() -> None:
    params = init(jax.random.key(0), VERIFIER)
    with pytest.raises(ValueError, match="has 40 positions"):
        predict_prefixes(params, VERIFIER, PROMPTS, TOKENS)
    with pytest.raises(ValueError, match="a verifier has one"):
        predict_prefixes(init(jax.random.key(0), CONFIG), CONFIG, PROMPTS, TRACES)
    with pytest.raises(ValueError, match="41 tokens to read: the model has 40 positions"):
        apply(params, VERIFIER, jnp.zeros((1, 41), jnp.int32))


@pytest.mark.parametrize("wrong", [{"outputs": 0}, {"width": -8}, {"heads": 3}, {"layers": True}])
def test_sizes_that_make_no_model_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        TransformerConfig(**{"vocabulary": 8, "outputs": 4, "length": 40, "width": 8, **wrong})
