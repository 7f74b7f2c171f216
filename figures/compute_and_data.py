"""Figure `compute-and-data`: cloning against verifying as budget and data grow.

Above in the relabelling game, from a run of configs/figures-heterogeneity.yaml; below on held-out
prompts of real traces, as `verigap measure` values them. Shows that verification turns few labelled
traces into the expert's value, and that on real traces the verifier is what is hard to learn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from verigap.figures.needs import Content, Run
from verigap.figures.style import BOUND, COLUMN, GUIDE, VB, VF

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SHOWS = (
    "Verifying needs less data than cloning, by more as the budget grows; on real traces an exact "
    "check shows what a learned verifier leaves."
)

_BUDGETS = ((64, 96, 128, 192, 384), (8, 16, 32, 48, 64))
_DATA = ((16, 64, 256, 1024), (16, 64, 256, 512))
# Where the data varies: a budget that leaves correct traces room to earn, and one they all reach.
_SHOWN_BUDGET = (192, 64)


def _measured(tables: Sequence[Path], full: bool) -> list[dict[str, Any]]:
    from verigap.llm_validation.measuring.measure import measure
    from verigap.llm_validation.traces import group_traces, read_traces

    both = (group_traces(read_traces(tables[0]), "game24", "gpt-4-cot"), read_traces(tables[1]))
    found = []
    for traces, budgets, data in zip(both, _BUDGETS, _DATA, strict=True):
        (group,) = measure(traces, horizons=budgets, data=data, seeds=64 if full else 16)
        found.append(
            {
                "dataset": group.dataset,
                "model": group.model,
                "prompts": len(group.prompt_ids),
                "samples": group.samples,
                "candidates": group.candidates,
                "radius": group.radius,
                "cells": [
                    {
                        "horizon": cell.horizon,
                        "data": cell.data,
                        "values": {name: list(cell.values[name]) for name in _ARMS},
                    }
                    for cell in group.cells()
                ],
            }
        )
    return found


_ARMS: dict[str, tuple[str, dict[str, Any]]] = {
    "exact": ("best of N, exact check (VB)", {"color": VB, "marker": "D", "ls": "-."}),
    "verify": ("best of N, learned (VB)", {"color": VB, "marker": "o", "ls": "--", "mfc": "white"}),
    "verify_leashed": ("learned, leashed (VB)", {"color": VB, "marker": "o", "ls": "-"}),
    "clone": ("clone (VF)", {"color": VF, "marker": "s", "ls": "--", "mfc": "white"}),
    "clone_leashed": ("clone, leashed (VF)", {"color": VF, "marker": "s", "ls": "-"}),
    "base": ("base", {"color": GUIDE, "marker": "", "ls": ":"}),
}

NEEDS = {
    "run": Run("configs/figures-heterogeneity.yaml", "configs/figures-heterogeneity-full.yaml"),
    "measured": Content(
        "compute-and-data",
        _measured,
        ("examples/game24_gpt4.parquet", "examples/smollm2_products.parquet"),
    ),
}
