"""Formulas for the cost against XLA's own count and against each other."""

import jax
import jax.numpy as jnp
import pytest

from verigap.sim.models import accounting
from verigap.sim.models.config import TransformerConfig
from verigap.sim.models.transformer import apply, parameter_shapes

CONFIG = TransformerConfig(vocabulary=8, outputs=4, length=32, layers=2, width=64)


@pytest.mark.parametrize("length", [8, 32])
def test_a_forward_pass_costs_what_xla_counts(length: int) -> None:
    tokens = jax.ShapeDtypeStruct((16, length), jnp.int32)
    lowered = jax.jit(apply, static_argnums=1).lower(parameter_shapes(CONFIG), CONFIG, tokens)
    analysis = lowered.compile().cost_analysis()
    assert analysis is not None
    counted = analysis["flops"] / 16
    # XLA computes the masked pairs of these short sequences too.
    masked = accounting.attention_flops(CONFIG, length) * (length - 1) / (length + 1)
    # The rest is normalisation, activations and softmax.
    assert accounting.forward_flops(CONFIG, length) + masked == pytest.approx(counted, rel=0.1)


def test_costs_add_up() -> None:
    forward = accounting.forward_flops(CONFIG, 32)
    assert accounting.forward_flops_per_token(CONFIG, 32) == forward / 32
    assert accounting.training_flops(CONFIG, 32, 5) == 15 * forward
    # Token by token: t positions are visible to the t-th, and the head reads the last 30.
    steps = sum(
        2 * (24 * 64**2 + 4 * 64 * visible) + (2 * 64 * 4 if visible >= 3 else 0)
        for visible in range(1, 33)
    )
    assert accounting.sampling_flops(CONFIG, prompt=3, horizon=30, traces=7) == 7 * steps
