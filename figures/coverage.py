"""Figure `coverage`: how often real models beat their own mean by a margin.

Needs the two trace tables of examples/. Shows P(R >= mu_x + sigma_x sqrt(epsilon)) far below
Cantelli's ceiling: a correct sample is rare on most prompts, and any success clears the margin.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from verigap.figures import fitted
from verigap.figures.panels import cantelli_ceiling, coverage_curve, known
from verigap.figures.style import BOUND, COLUMN, GUIDE

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NEEDS = fitted.NEEDS

SHOWS = (
    "Real models beat their mean by sqrt(epsilon) standard deviations far less often than "
    "Cantelli's inequality allows, and on the median prompt far less often still."
)

_LOOKS = (("smaller $H$", "s", GUIDE, 0.96), ("larger $H$", "o", BOUND, 1.04))


def draw(data: Mapping[str, Any]) -> Figure:
    """The figure from fitted groups."""
    from matplotlib.figure import Figure

    groups = data["groups"]
    figure = Figure(figsize=(2.05 * COLUMN, 2.7))
    axes = figure.subplots(1, len(groups), sharex=True, sharey=True, squeeze=False)[0]
    for axis, group in zip(axes, groups, strict=True):
        margins = [row["epsilon"] for row in group["budgets"][0]["anticoncentration"]]
        cantelli_ceiling(axis, margins)
        for budget, (budget_name, marker, color, aside) in zip(
            group["budgets"], _LOOKS, strict=True
        ):
            # Shifted sideways, so that both bars can be seen.
            rows = [
                {**row, "epsilon": row["epsilon"] * aside} for row in budget["anticoncentration"]
            ]
            label = f"mean over prompts, {budget_name}"
            coverage_curve(axis, rows, f"{marker}-", color=color, capsize=1.5, label=label)
        rows = [
            row
            for row in group["budgets"][-1]["anticoncentration"]
            if known(row["quantiles"]["0.5"])
        ]
        x = [row["epsilon"] for row in rows]
        middle, high = ([row["quantiles"][at] for row in rows] for at in ("0.5", "0.9"))
        axis.plot(x, high, "--", color=BOUND, lw=0.8, label="90 % quantile")
        axis.plot(x, middle, "-.", color=BOUND, lw=0.8, label="median prompt")
        small, large = (budget["horizon"] for budget in group["budgets"])
        axis.set_title(f"{fitted.title(group)}\n$H={small}$ and {large}")
        axis.set_xscale("log")
        axis.set_yscale("log")
        axis.set_xticks(margins, [f"{margin:g}" for margin in margins])
        axis.minorticks_off()
        axis.set_xlabel(r"margin $\epsilon$")
    axes[0].set_ylim(4e-4, 1.3)
    axes[0].set_ylabel(r"$P(R\geq\mu_x+\sigma_x\sqrt{\epsilon})$")
    figure.tight_layout(w_pad=0.8, rect=(0.0, 0.08, 1.0, 1.0))
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="lower center", ncols=len(labels), columnspacing=1.2)
    return figure


def caption(data: Mapping[str, Any]) -> str:
    """What the figure shows, with the sizes of the data."""
    groups = data["groups"]
    horizon = ", ".join(f"{group['budgets'][-1]['horizon']}" for group in groups)
    return (
        "Anti-concentration of real models (traces of the models themselves, nothing simulated): "
        f"{fitted.sizes(groups)}. Markers: share of samples that beat the prompt's mean by "
        "sqrt(epsilon) standard deviations, averaged over prompts and corrected for the number of "
        "samples, with 95 % bootstrap intervals over prompts. Broken lines: quantiles over prompts "
        f"at the larger budget (H = {horizon}). No law exceeds the dotted ceiling 1/(1 + epsilon)."
    )
