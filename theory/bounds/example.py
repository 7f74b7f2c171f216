"""The setting in which the examples of the bounds are evaluated."""

from __future__ import annotations

from typing import Any

from verigap.theory.arrays import host_array
from verigap.theory.bounds.bound import Setting
from verigap.theory.laws import RewardLaw


def example_setting(**changes: Any) -> Setting:
    """A relabelling game with returns 0 and H, 64 tokens, 64 traces and 2^12 codewords.

    Args:
      changes: arguments of `Setting.from_law` that replace these, chi2_radius = 1 and
        expert_radius = 0.04.

    Example:
      >>> setting = example_setting(data_budget=128.0)
      >>> float(setting.data_budget), float(setting.horizon), float(setting.coverage)
      (128.0, 64.0, 0.5)
    """
    numbers = {
        "horizon": 64.0,
        "data_budget": 64.0,
        "log2_class_size": 12.0,
        "chi2_radius": 1.0,
        "expert_radius": 0.04,
    }
    law = RewardLaw.equiprobable(host_array([[0.0, 64.0]]))
    return Setting.from_law(law, **{**numbers, **changes})
