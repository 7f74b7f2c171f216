"""Figure `compute-and-data`: cloning against verifying as budget and data grow.

Above in the relabelling game, from a run of configs/figures-heterogeneity.yaml; below on held-out
prompts of real traces, as `verigap measure` values them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from verigap.figures import fitted
from verigap.figures.needs import Content, Run
from verigap.figures.panels import bars, common_unit, group_name, model_name, spans
from verigap.figures.style import BOUND, COLUMN, GUIDE, VB, VF
from verigap.storage.units import LengthUnit

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SHOWS = (
    "At n = H the gap between verifying and cloning grows with the budget; on real traces a "
    "learned verifier keeps only a part of what an exact check gains."
)

_BUDGETS = ((64, 96, 128, 192, 384), (8, 16, 32, 48, 64))
_DATA = ((16, 64, 256, 1024), (16, 64, 256, 512))
# Where the data varies: twice the usual length of a cot trace, and all that SmolLM2 was sampled to.
_SHOWN_BUDGET = (192, 64)


def _measured(tables: Sequence[Path], full: bool) -> list[dict[str, Any]]:
    from verigap.llm_validation.measuring.measure import measure
    from verigap.llm_validation.traces import group_traces, load_traces

    both = (group_traces(load_traces(tables[0]), "game24", "gpt-4-cot"), load_traces(tables[1]))
    contents = []
    for traces, budgets, data in zip(both, _BUDGETS, _DATA, strict=True):
        (group,) = measure(traces, horizons=budgets, data_budgets=data, seeds=64 if full else 16)
        contents.append(
            {
                "dataset": group.dataset,
                "model": group.model,
                "unit": group.unit,
                "prompts": len(group.prompt_ids),
                "samples": group.samples,
                "candidates": group.num_candidates,
                "radius": group.leash.radius,
                "cells": [
                    {
                        "horizon": cell.horizon,
                        "data": cell.data_budget,
                        "values": {name: list(cell.values[name]) for name in _ARMS},
                    }
                    for cell in group.cells()
                ],
            }
        )
    return contents


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
    "measured": Content("compute-and-data", _measured, fitted.TABLES),
}


def draw(data: Mapping[str, Any]) -> Figure:
    """The figure from the cells of a run and the measured values."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(2.05 * COLUMN, 4.9))
    axes = figure.subplots(3, 2)
    _simulated(axes[0], data["run"])
    for row, group, budget in zip(axes[1:], data["measured"], _SHOWN_BUDGET, strict=True):
        _real(row, group, budget)
    axes[0, 0].legend(loc="upper left")
    figure.tight_layout(w_pad=1.0, h_pad=1.0, rect=(0, 0.07, 1, 1))
    figure.legend(*axes[1, 0].get_legend_handles_labels(), loc="lower center", ncols=3)
    return figure


_BLOCKS = ("horizon", "one-expert")


def _simulated(axes: Sequence[Axes], rows: Sequence[Mapping[str, Any]]) -> None:
    """Leashed values above the base's, in tokens."""
    for axis, block in zip(axes, _BLOCKS, strict=True):
        series = _cells(rows, block)
        x = np.asarray(
            [row["horizon" if block == "horizon" else "data_budget"] for row in series], float
        )
        expert = np.asarray([row["expert_gain"] for row in series])
        axis.plot(x, expert, ":", color=BOUND, label="expert")
        for name, color, marker, size, face, label in (
            ("vb-pessimism", VB, "o", 3.5, VB, "version space (VB)"),
            ("vf-mle", VF, "s", 5.5, "none", "VF-MLE"),
            ("vf-bayes", VF, "o", 2.5, VF, "VF-Bayes"),
        ):
            entries = [{e["learner"]: e for e in row["learners"]}[name] for row in series]
            gain = expert - np.asarray([entry["leashed_mean"] for entry in entries])
            error = [
                (entry["leashed_variance"] / row["replicates"]) ** 0.5
                for entry, row in zip(entries, series, strict=True)
            ]
            axis.errorbar(
                x, gain, 1.96 * np.asarray(error), color=color, marker=marker, ms=size, mfc=face,
                capsize=1.5, label=label,
            )  # fmt: skip
        axis.axhline(0.0, color=GUIDE, ls=":")
        axis.set_xscale("log", base=2)
        axis.set_xlabel(
            "token budget $H$, $n=H$"
            if block == "horizon"
            else f"data $n$ (traces), $H={series[0]['horizon']}$"
        )
    axes[0].set_ylabel("simulated: value above\nthe base (tokens)")


def _cells(rows: Sequence[Mapping[str, Any]], block: str) -> list[Mapping[str, Any]]:
    """Cells of the most heterogeneous law of a block, in order of budget and data."""
    chosen = [row for row in rows if row["block"] == block]
    if not chosen:
        raise ValueError(f"the run has no block {block!r}; sweep {NEEDS['run'].config} first")
    most = max(row["sd"] / row["horizon"] for row in chosen)
    return sorted(
        (row for row in chosen if row["sd"] / row["horizon"] > 0.999 * most),
        key=lambda row: (row["horizon"], row["data_budget"]),
    )


def _real(axes: Sequence[Axes], group: Mapping[str, Any], budget: int) -> None:
    """Values on held-out prompts as shares of the budget, against the budget and the data."""
    most = max(cell["data"] for cell in group["cells"])
    for axis, along, cells in (
        (axes[0], "horizon", [cell for cell in group["cells"] if cell["data"] == most]),
        (axes[1], "data", [cell for cell in group["cells"] if cell["horizon"] == budget]),
    ):
        x = np.asarray([cell[along] for cell in cells], float)
        horizons = np.asarray([cell["horizon"] for cell in cells], float)
        for place, (name, (label, look)) in enumerate(_ARMS.items()):
            middle, *span = (end / horizons for end in spans([c["values"][name] for c in cells]))
            # Shifted sideways, so that every interval can be seen.
            beside = x * 2.0 ** (0.05 * (place - 2.5) * np.log2(x[-1] / x[0]) / 5)
            axis.errorbar(
                beside, middle, bars(middle, *span), elinewidth=0.8, ms=3, label=label, **look
            )
        axis.set_xscale("log", base=2)
        axis.set_xticks(x, [f"{tick:,g}" for tick in x])
        axis.minorticks_off()
    axes[1].sharey(axes[0])
    axes[1].tick_params(labelleft=False)
    axes[0].set_ylim(0.0, max(axis.dataLim.ymax for axis in axes) * 1.05)
    axes[0].set_ylabel(f"{model_name(group)}:\nvalue / $H$")
    axes[0].set_xlabel(f"{LengthUnit(group['unit']).singular} budget $H$, $n$ = {most:,}")
    axes[1].set_xlabel(f"data $n$ (traces), $H={budget}$")


def caption(data: Mapping[str, Any]) -> str:
    """What the figure shows, with the run's parameters and what was measured."""
    compute, amount = (_cells(data["run"], block) for block in _BLOCKS)
    row = amount[0]
    real = data["measured"]
    groups = " and ".join(
        f"{group_name(group)} ({group['prompts']} prompts, {group['samples']:,} samples)"
        for group in real
    )
    return (
        "Above, simulated: the two-level relabelling game (sd H/2, class of "
        f"2^{row['log2_class_size']:g}, {row['replicates']} replicates a cell), all learners "
        "leashed to the demonstrating expert's chi-square ball; on the left the expert that "
        f"VF-LOWER finds hardest at n = H = {compute[0]['horizon']} to "
        f"{compute[-1]['horizon']}, on the right one "
        f"expert of chi-square {row['expert_radius']:g} at H = {row['horizon']}. Below, real "
        f"traces: {groups}; mean return on held-out prompts in shares of H, N = "
        f"{real[0]['candidates']}, leash chi-square {real[0]['radius']:g}, policies fitted on "
        "features of the samples and not transformers. Best of N spends N traces of H "
        f"{common_unit(real)} where "
        "the others spend one (the figure equal-budget charges for them); an exact check is an "
        "oracle. 95 % intervals; points of one H or n stand side by side."
    )
