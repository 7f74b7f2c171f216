"""Newton's method says whether it reached the minimum, and its callers pass that on."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import pytest

from tests.llm_validation.pools.made_pools import table, traces
from verigap.llm_validation.measuring.measure import measure
from verigap.llm_validation.pools import cloning, newton, reward_model
from verigap.llm_validation.pools.leashes import CHI2_1
from verigap.llm_validation.pools.pools import sample_pools
from verigap.llm_validation.predicting import parametric

HORIZON = 40


def test_a_quadratic_takes_one_step() -> None:
    scale = jnp.asarray([1.0, 5.0])
    found = newton.minimise(lambda theta: scale @ (theta - 3.0) ** 2, 2)
    assert found.converged
    assert found.iterations <= 2
    assert found.value == pytest.approx([3.0, 3.0])


def test_a_minimum_out_of_reach_is_not_converged() -> None:
    # Each Newton step on an exponential moves by 1 at most, so that 80 need more than 50.
    found = newton.minimise(lambda theta: jnp.sum(jnp.exp(80.0 - theta) + theta), 1)
    assert not found.converged
    assert found.iterations == 50


def test_a_concave_loss_is_not_converged() -> None:
    found = newton.minimise(lambda theta: -jnp.sum((theta - 1.0) ** 2) - jnp.sum(theta), 2)
    assert not found.converged


def test_a_loss_that_rounds_converges_to_its_rounding() -> None:
    with jax.enable_x64(False):
        x = jnp.linspace(-2.0, 2.0, 500, dtype=jnp.float32)
        found = newton.minimise(
            lambda theta: (
                1e4 * jnp.mean(jax.nn.softplus(theta[0] * x) - 0.7 * theta[0] * x) + theta @ theta
            ),
            1,
        )
        assert found.converged


def cut_short(loss: Callable[[Any], Any], dimensions: int) -> newton.Minimum:
    """A minimiser that always stops too early."""
    return newton.minimise(loss, dimensions)._replace(converged=jnp.asarray(False))


def test_measurements_say_which_fits_did_not_converge(monkeypatch: pytest.MonkeyPatch) -> None:
    frame, options = table(), {"horizons": (HORIZON,), "data_budgets": (8, 32), "seeds": 4}
    (fine,) = measure(traces(frame), **options)
    assert not any("converge" in warning for warning in fine.warnings)
    for module in (cloning, reward_model):
        monkeypatch.setattr(module, "minimise", cut_short)
    jax.clear_caches()
    (rough,) = measure(traces(frame), **options)
    jax.clear_caches()
    assert rough.warnings[-2:] == (
        "H = 40: 8 of 8 fits of the clone did not converge; its values there are rough",
        "H = 40: 8 of 8 fits of the reward model did not converge; its values there are rough",
    )


def test_predictions_warn_of_fits_that_did_not_converge(monkeypatch: pytest.MonkeyPatch) -> None:
    (pools,) = sample_pools(traces(table()))
    monkeypatch.setattr(parametric, "minimise", cut_short)
    jax.clear_caches()
    with pytest.warns(RuntimeWarning, match=r"n = 16: 8 of 8 fits .* did not converge"):
        parametric.parametric_values(pools, HORIZON, (16,), 4, CHI2_1)
    jax.clear_caches()
