"""Where a group of traces stands in the phase diagram of WHEN VF WINS, docs/theory.md."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from verigap.llm_validation.predicting.standing_bounds import DELTA, group_setting
from verigap.llm_validation.traces import Traces

_COVERAGES = np.geomspace(1e-3, 1.0, 61)


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
    from verigap.theory.arrays import host_array, of_each
    from verigap.theory.scaling import homogeneity_frontier

    setting = group_setting(
        traces, group, horizon, data_budget,
        chi2_radius=chi2_radius, log2_class_size=log2_class_size,
    )  # fmt: skip
    frontier = of_each(
        lambda c0: homogeneity_frontier(replace(setting, coverage=c0)), host_array(_COVERAGES)
    )
    return {
        "delta": DELTA,
        "coverage": _COVERAGES.tolist(),
        "frontier": (np.asarray(frontier, float) / horizon).tolist(),
        "here": {
            "sigma_over_h": float(setting.expert_sd) / horizon,
            "coverage": coverage[0.5],
            "low": coverage[0.1],
            "high": coverage[0.9],
        },
    }
