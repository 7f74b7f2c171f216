"""Figure `planted`: transformers trained to clone or to verify on the planted subsequence.

Needs a run of configs/planted-small.yaml or configs/planted.yaml. Shows what cloning and
verification earn against the token budget at n proportional to H, for a base of low and one of high
heterogeneity, and the gap between them against the budget and against the data.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from verigap.figures.needs import Run
from verigap.figures.panels import bars
from verigap.figures.style import BOUND, COLUMN, GUIDE, VB, VF
from verigap.sim.planted.learners import CLONING, SELECTION
from verigap.sim.planted.measured import Measured, Point, points

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NEEDS = {
    "run": Run(
        "configs/planted-small.yaml",
        full="configs/planted.yaml",
        committed="docs/runs/planted-small",
    )
}

SHOWS = (
    "The gap between trained transformers that verify and those that clone grows with the budget, "
    "and is larger where the base is heterogeneous: clearly so only off the leash."
)

_FAMILIES = ("low", "high")
_BLOCKS = ("horizon", "data")


def _of(series_points: Sequence[Point], block: str, family: str) -> list[Point]:
    return [point for point in series_points if (point.block, point.family) == (block, family)]


def draw(data: Mapping[str, Any]) -> Figure:
    """The figure from the cells of a run."""
    from matplotlib.figure import Figure

    rows = data["run"]
    if not set(_BLOCKS) <= {row["block"] for row in rows if row["game"] == "planted"}:
        raise ValueError(
            f"the run has no blocks {' and '.join(_BLOCKS)}; sweep {NEEDS['run'].config} first"
        )
    series_points = points([row for row in rows if row["game"] == "planted"])
    figure = Figure(figsize=(2.05 * COLUMN, 4.3))
    axes = figure.subplots(2, 2)
    for axis, family in zip(axes[0], _FAMILIES, strict=True):
        _values(axis, _of(series_points, "horizon", family), family)
    axes[0, 0].set_ylabel("mean return / $H$\n(held-out prompts)")
    top = max(axis.get_ylim()[1] for axis in axes[0])
    for axis in axes[0]:
        axis.set_ylim(0, top)
    axes[0, 0].legend(loc="upper left")
    for axis, block in zip(axes[1], _BLOCKS, strict=True):
        _gaps(axis, series_points, block)
    axes[1, 0].set_ylabel("$J_{VB}-J_{VF}$\n(tokens of correct trace)")
    axes[1, 0].legend(loc="upper left")
    figure.tight_layout(w_pad=1.0, h_pad=1.2)
    return figure


def _bars(measured: Sequence[Measured]) -> tuple[np.ndarray, np.ndarray]:
    """Estimates, and the lengths of their intervals downwards and upwards."""
    mean, low, high = np.asarray([(m.estimate, m.low, m.high) for m in measured]).T
    return mean, bars(mean, low, high)


def _values(axis: Axes, series: Sequence[Point], family: str) -> None:
    """What base, expert and both learners earn, as shares of the budget."""
    horizon = np.asarray([point.horizon for point in series], float)
    for name, color, marker, free, leashed in (
        (CLONING, VF, "s", "cloning (VF)", "cloning (VF), leashed"),
        (SELECTION, VB, "o", "best-of-N (VB)", "tilt by the verifier (VB), leashed"),
    ):
        for field, style, face, label in (
            ("values", "-", color, free),
            ("leashed", "--", "white", leashed),
        ):
            mean, lengths = _bars([getattr(point, field)[name] for point in series])
            axis.errorbar(
                horizon, mean / horizon, lengths / horizon, color=color, marker=marker, mfc=face,
                ls=style, capsize=1.5, label=label,
            )  # fmt: skip
    expert = np.asarray([point.expert for point in series]) / horizon
    base = np.asarray([point.base for point in series]) / horizon
    axis.plot(horizon, expert, ":", color=BOUND, label="expert, $\\chi^2=\\kappa$")
    axis.plot(horizon, base, ":", color=GUIDE, label="base")
    sds = ", ".join(f"{point.sd_share:.2f}" for point in series)
    axis.set_title(f"{family} heterogeneity ($\\sigma_x/H$ = {sds})")
    axis.set_xlabel("token budget $H$, $n\\propto H$")
    axis.set_xticks(horizon)


def _gaps(axis: Axes, series_points: Sequence[Point], block: str) -> None:
    """The gap of both families against the budget or the data."""
    for family, marker, color in zip(_FAMILIES, ("v", "^"), (GUIDE, BOUND), strict=True):
        series = _of(series_points, block, family)
        x = np.asarray(
            [point.horizon if block == "horizon" else point.data_budget for point in series]
        )
        if family == _FAMILIES[1]:
            # Shifted to the side of the other family, so that both intervals can be seen.
            x = (1.02 if block == "horizon" else 1.1) * x
        for field, style, face in (("gap", "-", color), ("gap_unleashed", "--", "white")):
            mean, lengths = _bars([getattr(point, field) for point in series])
            label = f"{family}, {'same leash' if field == 'gap' else 'unleashed'}"
            axis.errorbar(
                x, mean, lengths, color=color, marker=marker, mfc=face, ls=style, capsize=1.5,
                label=label,
            )  # fmt: skip
    axis.axhline(0.0, color=GUIDE, lw=0.6)
    drawn = _of(series_points, block, _FAMILIES[0])
    if block == "data":
        axis.set_xscale("log", base=2)
        axis.set_xlabel(f"data budget $n$ (traces), $H={drawn[0].horizon}$")
    else:
        axis.set_xlabel("token budget $H$, $n\\propto H$")
        axis.set_xticks([point.horizon for point in drawn])


def caption(data: Mapping[str, Any]) -> str:
    """What the figure shows, with the run's parameters."""
    rows = data["run"]
    row = next(row for row in rows if row["game"] == "planted" and row["block"] == "horizon")
    series_points = points([row for row in rows if row["game"] == "planted"])
    ratio = {
        point.data_budget / point.horizon for point in series_points if point.block == "horizon"
    }
    shown = f"n = {min(ratio):g} H" if len(ratio) == 1 else "n proportional to H"
    return (
        f"Simulated: transformers of {row['parameters']['policy']:,} parameters on the planted "
        f"subsequence (k = {row['symbols']}, V = {row['vocabulary']}, base pre-trained at H = "
        f"{row['longest']}), {series_points[0].trainings} trainings, 95 % bootstrap intervals over "
        f"trainings and held-out prompts. Above: mean return of the clone of a chi-square expert "
        f"(kappa = {row['chi2_radius']:g}) and of best-of-{row['num_candidates']} by a learnt "
        f"verifier at {shown}; open markers: both within the expert's chi-square ball. Below: "
        "their difference against the budget and against the data; the two families stand side by "
        "side. Titles: exact sd/H of the median prompt at each H."
    )
