"""Figure `prediction`: predicted against measured gap, on prompts that nothing was predicted from.

Needs the two trace tables of examples/. Shows how far the gap predicted from one half of the
prompts is from the one that the other half shows, beside the gap measured on the first half.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from verigap.figures import fitted
from verigap.figures.needs import Content
from verigap.figures.panels import bars, common_unit, ends, group_name
from verigap.figures.style import BOUND, COLUMN, GUIDE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LOOKS = {
    "predicted": ("o", BOUND, BOUND, "predicted"),
    "reused": ("^", GUIDE, "white", "measured on the first half"),
}


def predictions(paths: Sequence[Path], full: bool) -> list[dict[str, Any]]:
    """Measured and predicted leashed gaps of every group on other prompts, with scores.

    Args:
      paths: trace tables.
      full: 8 splits of the prompts instead of 1.
    """
    from dataclasses import asdict

    from verigap.llm_validation.measuring.measure import default_data_budgets, default_horizons
    from verigap.llm_validation.pools.pools import verified_pools
    from verigap.llm_validation.predicting.scoring import score
    from verigap.llm_validation.traces import load_traces

    found = []
    for path in paths:
        for pools in verified_pools(load_traces(path)):
            grid = default_horizons(pools), default_data_budgets(pools)
            scored = score(pools, *grid, splits=8 if full else 1)
            found.append(
                {
                    "dataset": scored.dataset,
                    "model": scored.model,
                    "unit": scored.unit,
                    "prompts": scored.prompts,
                    "splits": scored.splits,
                    "comparisons": [
                        {
                            "measured": each.measured._asdict(),
                            "predicted": {name: each.forecasts[name]._asdict() for name in _LOOKS},
                        }
                        for each in scored.comparisons
                    ],
                    "scores": {method.method: asdict(method) for method in scored.methods},
                }
            )
    return found


NEEDS = {"groups": Content("prediction", predictions, fitted.TABLES)}

SHOWS = (
    "On other prompts the predicted gap is about as far off as the gap measured on the first ones."
)


def draw(data: Mapping[str, Any]) -> Figure:
    """The figure from the comparisons."""
    from matplotlib.figure import Figure

    groups = data["groups"]
    figure = Figure(figsize=(2.05 * COLUMN, 2.8))
    axes = figure.subplots(1, len(groups), squeeze=False)[0]
    for axis, group in zip(axes, groups, strict=True):
        _panel(axis, group)
        axis.set_title(fitted.title(group), fontsize=7)
    counted = common_unit(groups).of_correct_trace
    axes[0].set_ylabel(f"measured on the other half:\n$J_{{VB}}-J_{{VF}}$ ({counted})")
    figure.tight_layout(w_pad=0.4, rect=(0.0, 0.13, 1.0, 1.0))
    middle = f"predicted or measured on the first half: $J_{{VB}}-J_{{VF}}$ ({counted})"
    figure.text(0.53, 0.12, middle, ha="center", fontsize=8)
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(
        handles, labels, loc="lower center", ncols=len(labels), bbox_to_anchor=(0.53, 0.0)
    )
    return figure


def _panel(axis: Axes, group: Mapping[str, Any]) -> None:
    """Comparisons of one group, by the prediction and by the baseline."""
    reach = [0.0]
    for name, (marker, color, face, label) in _LOOKS.items():
        guess, low, high = ends([each["predicted"][name] for each in group["comparisons"]])
        truth, least, most = ends([each["measured"] for each in group["comparisons"]])
        axis.errorbar(
            guess, truth, bars(truth, least, most), bars(guess, low, high), fmt=marker,
            color=color, mfc=face, ms=3, elinewidth=0.7, label=label,
        )  # fmt: skip
        reach += [*low, *high, *least, *most]
    ends_of_axis = np.asarray([min(reach), max(reach)])
    margin = 0.05 * (ends_of_axis[1] - ends_of_axis[0])
    ends_of_axis += np.asarray([-margin, margin])
    axis.plot(ends_of_axis, ends_of_axis, "-", color=GUIDE, lw=0.7, zorder=0)
    axis.axhline(0.0, color=GUIDE, ls=":", lw=0.7, zorder=0)
    axis.axvline(0.0, color=GUIDE, ls=":", lw=0.7, zorder=0)
    axis.set_xlim(*ends_of_axis)
    axis.set_ylim(*ends_of_axis)
    axis.set_box_aspect(1)
    axis.locator_params(nbins=4)


def caption(data: Mapping[str, Any]) -> str:
    """What the figure shows, with the scores of the prediction and of the baseline."""
    groups = data["groups"]
    return (
        "Gap between verifying and cloning on the same leash, on the cells (H, n) beyond the "
        "calibration slice. Across: predicted from one half of the prompts, or measured there. "
        f"Up: measured on the other half. Both halves take each part ({_splits(groups[0])}). Bars: "
        "95 % intervals. On the diagonal a forecast is exact; in the upper left and lower "
        "right quadrants its sign is wrong. Scores as (right signs among comparisons clear of 0, "
        "share of comparisons covered by both intervals together, relative error): "
        + "; ".join(f"{group_name(group)}: {_scores(group)}" for group in groups)
        + "."
    )


def _splits(group: Mapping[str, Any]) -> str:
    count = group["splits"]
    return f"{count} random split{'' if count == 1 else 's'} of the prompts"


def _scores(group: Mapping[str, Any]) -> str:
    scores_in_words = []
    for name, (*_, label) in _LOOKS.items():
        score = group["scores"][name]
        sign = (
            f"{round(score['sign_accuracy'] * score['clear'])} of {score['clear']}"
            if score["clear"]
            else "none clear"
        )
        scores_in_words.append(
            f"{label} ({sign}, {score['coverage']:.2f}, {score['relative_error']:.2f})"
        )
    return (
        f"{group['prompts']} prompts a half, {len(group['comparisons'])} comparisons, "
        + ", ".join(scores_in_words)
    )
