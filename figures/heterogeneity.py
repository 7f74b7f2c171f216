"""Figure `heterogeneity`: how much the returns of one prompt's samples differ, in real models.

Needs the two trace tables of examples/. Shows that sigma_x/H is small on half of the prompts or
more, large on some, and that it grows with the budget.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from verigap.figures import fitted
from verigap.figures.panels import known, shares_below
from verigap.figures.style import BOUND, COLUMN, GUIDE

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NEEDS = fitted.NEEDS

SHOWS = (
    "The heterogeneity sigma_x/H of real models is small on half of the prompts or more, large on "
    "some, and grows with the budget."
)

_COLORS = (GUIDE, BOUND)


def draw(data: Mapping[str, Any]) -> Figure:
    """The figure from fitted groups."""
    from matplotlib.figure import Figure

    groups = data["groups"]
    figure = Figure(figsize=(2.05 * COLUMN, 2.25))
    axes = figure.subplots(1, len(groups), sharex=True, sharey=True, squeeze=False)[0]
    for axis, group in zip(axes, groups, strict=True):
        for place, (budget, color) in enumerate(zip(group["budgets"], _COLORS, strict=True)):
            label = f"$H={budget['horizon']}$"
            shares_below(axis, budget["naive_by_prompt"], ":", color=color, lw=1.0)
            shares_below(axis, budget["shrunken_by_prompt"], "-", color=color, label=label)
            sigma = budget["sigma"]
            height = 0.08 + 0.08 * place
            if known(sigma["low"], sigma["high"]):
                axis.plot([sigma["low"], sigma["high"]], [height] * 2, color=color, lw=1.5)
            axis.plot(sigma["estimate"], height, "o", color=color)
            axis.plot(sigma["naive"], height, "o", color=color, mfc="white", ms=3, zorder=3)
        axis.set_title(fitted.title(group))
        axis.set_xlabel(r"heterogeneity $\sigma_x/H$")
        axis.legend(loc="center right", bbox_to_anchor=(1.0, 0.42))
    axes[0].set_xlim(0.0, 0.5)
    axes[0].set_ylim(0.0, 1.02)
    axes[0].set_ylabel("share of prompts below")
    figure.tight_layout(w_pad=0.8)
    return figure


def caption(data: Mapping[str, Any]) -> str:
    """What the figure shows, with the sizes of the data."""
    return (
        "Heterogeneity over the prompts of real models (traces of the models themselves, nothing "
        f"simulated): {fitted.sizes(data['groups'])}. Dotted steps: sd of the samples of a prompt "
        "as it is; solid: shrunken towards the law of all prompts. Filled dots: mean over prompts "
        "corrected for the number of samples, with 95 % bootstrap intervals over prompts; open "
        "dots: the plain mean. No return in [0, H] has a sigma_x/H above 1/2, where the axis ends."
    )
