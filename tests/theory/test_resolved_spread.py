"""Whether the returns of a prompt differ by more than rounding is told prompt by prompt."""

from __future__ import annotations

import jax.numpy as jnp
import pytest

from verigap.theory.bounds import Setting
from verigap.theory.bounds.assumptions import RESOLVED
from verigap.theory.laws import RewardLaw


@pytest.mark.parametrize(
    ("prompts", "resolved"),
    [
        # Far apart for their size, whatever the size of the other prompt's.
        ([[0.0, 1e-9], [0.0, 1e6]], True),
        ([[0.0, 1.0], [3.0, 3.0]], True),
        # Apart by a few roundings of their own size, which is much of the other's.
        ([[0.0, 1e-9], [1e6, 1e6 + 1e-8]], False),
        ([[1e6, 1e6 + 1e-8], [0.0, 1e-9]], False),
        ([[1e6, 1e6 + 1e-3], [0.0, 1e-9]], True),
    ],
)
def test_each_prompt_has_a_scale_of_its_own(prompts: list[list[float]], resolved: bool) -> None:
    law = RewardLaw.equiprobable(jnp.asarray(prompts))
    setting = Setting.from_law(
        law, horizon=1e7, data_budget=8.0, log2_class_size=3.0, chi2_radius=0.5
    )
    assert bool(RESOLVED.holds(setting)) == resolved
