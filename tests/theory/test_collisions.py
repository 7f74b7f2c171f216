"""How often two base traces of a prompt have the same return, against counting pairs."""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from math import exp

import jax.numpy as jnp
import pytest

from verigap.theory.bounds import Setting
from verigap.theory.bounds.separation import log_collision
from verigap.theory.laws import RewardLaw


@pytest.mark.parametrize(
    "prompts",
    [
        [[0, 8, 8, 8]],
        [[0, 1, 2, 3]],
        [[0, 0, 0, 4], [1, 2, 3, 3]],
        [[5, 5, 5, 5], [0, 2, 4, 6]],
        [[5, 5, 5, 5]],
    ],
)
@pytest.mark.parametrize("rounding", [0.0, 1e-15])
def test_collisions_are_counted(prompts: list[list[int]], rounding: float) -> None:
    same = [Fraction(sum(a == b for a, b in product(row, row)), len(row) ** 2) for row in prompts]
    exact = float(sum(same) / len(same))
    # Returns that differ by rounding are the same.
    apart = [[value * (1 + rounding * place) for place, value in enumerate(row)] for row in prompts]
    law = RewardLaw.equiprobable(jnp.asarray(apart))
    setting = Setting.from_law(
        law, horizon=16.0, data_budget=8.0, log2_class_size=3.0, chi2_radius=0.5
    )
    found = exp(float(log_collision(setting)))
    assert exact <= found <= exact * (1 + 1e-9)
