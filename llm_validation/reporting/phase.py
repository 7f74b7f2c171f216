"""Where a group of traces stands in the phase diagram of WHEN VF WINS, docs/theory.md."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from verigap.llm_validation.laws import reward_laws
from verigap.llm_validation.traces import Traces

_COVERAGES = np.geomspace(1e-3, 1.0, 61)
_DELTA = 0.05


def phase(
    traces: Traces,
    group: tuple[str, str],
    horizon: int,
    data_budget: int,
    *,
    chi2_radius: float,
    log2_class_size: float,
    coverage: Mapping[float, float],
) -> dict[str, Any] | None:
    """The frontier between the upper bounds of cloning and of verifying, and the group's place.

    Args:
      traces: the table.
      group: (dataset, model).
      horizon: H (tokens).
      data_budget: n.
      chi2_radius: chi-square radius kappa of the expert.
      log2_class_size: d (bits) of both classes; None is returned where it is not known.
      coverage: quantiles of c*(kappa) over prompts, by level; 0.1, 0.5 and 0.9 are used.

    Returns:
      `coverage` c0 and `frontier` sigma_e/H, negative where verifying has the smaller bound
      whatever the heterogeneity; `here` with the `sigma_over_h` of the group's own expert and its
      `coverage`, `low` and `high`.
    """
    if not np.isfinite(log2_class_size):
        return None
    from verigap.theory import RewardLaw, Setting
    from verigap.theory.arrays import host_array, of_each
    from verigap.theory.scaling import homogeneity_frontier

    laws = reward_laws(traces, [horizon]).table.select(horizon, *group)
    setting = Setting.from_law(
        RewardLaw(host_array(laws.support), host_array(laws.probabilities)),
        horizon=float(horizon),
        data_budget=float(data_budget),
        log2_class_size=log2_class_size,
        chi2_radius=chi2_radius,
        failure_probability=_DELTA,
        game="other",
    )
    frontier = of_each(
        lambda c0: homogeneity_frontier(replace(setting, coverage=c0)), host_array(_COVERAGES)
    )
    return {
        "delta": _DELTA,
        "coverage": _COVERAGES.tolist(),
        "frontier": (np.asarray(frontier, float) / horizon).tolist(),
        "here": {
            "sigma_over_h": float(setting.expert_sd) / horizon,
            "coverage": coverage[0.5],
            "low": coverage[0.1],
            "high": coverage[0.9],
        },
    }
