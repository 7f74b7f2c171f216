"""Figure `phase`: which side wins, over the expert's heterogeneity and the base's coverage.

Needs a run of configs/figures-phase.yaml and the two trace tables of examples/. The base earns H
with probability p and nothing otherwise, and the expert does with probability q >= 1/2: then
sigma_e/H = sqrt(q (1 - q)) and c0 = p/q, so each place of the diagram is one game. Shows where the
bounds cross (WHEN VF WINS, docs/theory.md), where one trace tells cloning as much as verification,
and who wins in the simulator.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from verigap.figures import fitted
from verigap.figures.needs import Run
from verigap.figures.panels import known, model_name
from verigap.figures.scaling import leashed_gap
from verigap.figures.style import BOUND, COLUMN, GUIDE, VB, VF

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NEEDS = {
    "run": Run("configs/figures-phase.yaml", full="configs/figures-phase-full.yaml"),
    **fitted.NEEDS,
}

SHOWS = (
    "Cloning wins where the base covers the expert badly, verification where it does not and the "
    "expert is heterogeneous."
)

_FLOOR = 1e-4
_NEGLIGIBLE = 0.01
_PLACES = ("*", "D", "s")


def draw(data: Mapping[str, Any]) -> Figure:
    """The figure from the cells of a run and the fitted groups."""
    from matplotlib.figure import Figure

    rows = data["run"]
    settings = sorted({(row["data_budget"], row["log2_class_size"]) for row in rows})
    figure = Figure(figsize=(2.05 * COLUMN, 3.1))
    axes = figure.subplots(1, len(settings), sharex=True, sharey=True, squeeze=False)[0]
    for axis, (n, bits) in zip(axes, settings, strict=True):
        own = [row for row in rows if (row["data_budget"], row["log2_class_size"]) == (n, bits)]
        _theory(axis, own)
        draw_simulated(axis, own)
        for group, marker in zip(data["groups"], _PLACES, strict=False):
            _place(axis, group, marker)
        axis.set_title(f"$n={n}$ traces, class of $2^{{{bits:g}}}$")
        axis.set_xlabel(r"heterogeneity of the expert, $\sigma_e/H$")
    axes[0].set_yscale("log")
    axes[0].set_xlim(0.0, 0.52)
    axes[0].set_ylim(_FLOOR, 1.2)
    axes[0].set_ylabel(r"coverage $c_0$ of the base")
    figure.tight_layout(w_pad=0.8, rect=(0.0, 0.13, 1.0, 1.0))
    handles, labels = axes[0].get_legend_handles_labels()
    # Filled column by column: theory, simulated, real.
    blank = axes[0].plot([], [], alpha=0.0)
    figure.legend(
        [*handles[:2], *blank, *handles[2:]],
        [*labels[:2], "", *labels[2:]],
        loc="lower center",
        ncols=3,
        columnspacing=2.0,
    )
    return figure


def _theory(axis: Axes, rows: Sequence[Mapping[str, Any]]) -> None:
    """Where the two upper bounds meet, and where a trace tells both sides as much."""
    sd = np.linspace(1e-3, 0.5, 200)
    frontier = np.clip(bound_frontier(rows[0], sd), _FLOOR, 1.0)
    axis.fill_between(sd, _FLOOR, frontier, color=VF, alpha=0.12, lw=0)
    axis.fill_between(sd, frontier, 1.0, color=VB, alpha=0.12, lw=0)
    axis.plot(sd, frontier, color=BOUND, label="VF-UPPER = VB-UPPER")
    axis.plot(sd, _equal_information(sd), "--", color=BOUND, label="equal information a trace")


def success(sd: np.ndarray) -> np.ndarray:
    """The expert's success probability q >= 1/2 whose return has this sd, as a share of H."""
    return 0.5 + np.sqrt(np.maximum(0.25 - sd**2, 0.0))


def bound_frontier(row: Mapping[str, Any], sd: np.ndarray) -> np.ndarray:
    """c0 at which the bounds are equal, at each sigma_e/H, in the setting of a cell."""
    from dataclasses import replace

    import jax
    import jax.numpy as jnp

    from verigap.theory import RewardLaw, Setting
    from verigap.theory.scaling import coverage_frontier

    law = RewardLaw.equiprobable(jnp.asarray(row["atoms"], float))
    setting = Setting.from_law(
        law,
        **{
            name: row[name]
            for name in (
                "horizon",
                "data_budget",
                "log2_class_size",
                "chi2_radius",
                "failure_probability",
            )
        },
    )
    horizon = float(row["horizon"])

    def solved(spread, mean):
        return coverage_frontier(replace(setting, expert_sd=spread, expert_mean_max=mean))

    return np.asarray(
        jax.vmap(solved)(jnp.asarray(horizon * sd), jnp.asarray(horizon * success(sd)))
    )


def _equal_information(sd: np.ndarray) -> np.ndarray:
    """c0 at which KL(expert || base) equals the entropy of the base's return."""
    from scipy.optimize import brentq
    from scipy.special import entr, rel_entr

    def excess(p: float, q: float) -> float:
        divergence = rel_entr(q, p) + rel_entr(1.0 - q, 1.0 - p)
        return float(divergence - entr(p) - entr(1.0 - p))

    # The excess changes sign once: where successes are rare (small p) a demonstration tells more
    # than a label, and at p = q, where the expert is the base, it tells nothing.
    return np.asarray([brentq(excess, 1e-9, q - 1e-12, args=(q,)) / q for q in success(sd)])


def gap(row: Mapping[str, Any]) -> tuple[float, float]:
    """Leashed J_VB - J_VF as a share of J_expert - J_base, and half its 95 % interval."""
    (middle,), (error,) = leashed_gap([row], "vf-mle")
    return float(middle / row["expert_gain"]), float(1.96 * error / row["expert_gain"])


def draw_simulated(axis: Axes, rows: Sequence[Mapping[str, Any]]) -> None:
    """The sign of the gap in each cell, where it is clear and not negligible."""
    places: dict[str, list[tuple[float, float]]] = {"vb": [], "vf": [], "none": []}
    for row in rows:
        middle, half = gap(row)
        clear = abs(middle) > max(half, _NEGLIGIBLE)
        side = "none" if not clear else "vb" if middle > 0 else "vf"
        q = (row["mean"] + row["expert_gain"]) / row["horizon"]
        places[side].append((np.sqrt(q * (1.0 - q)), row["mean"] / row["horizon"] / q))
    for side, marker, color, label in (
        ("vf", "v", VF, "cloning (VF) wins"),
        ("vb", "^", VB, "verifying (VB) wins"),
        ("none", "o", GUIDE, "no clear difference"),
    ):
        x, y = np.asarray(places[side], float).reshape(-1, 2).T
        face = "white" if side == "none" else color
        axis.plot(x, y, marker, color=color, mfc=face, ms=3.5, label=f"simulated: {label}")


def _place(axis: Axes, group: Mapping[str, Any], marker: str) -> None:
    """A real model at its larger budget: median prompt, and 10th to 90th percentile."""
    here = group["budgets"][-1]["place"]
    if here is None or not known(here["coverage"]):
        return
    x = here["sigma_over_h"]
    low, middle, high = (max(here[key], _FLOOR) for key in ("low", "coverage", "high"))
    axis.plot([x, x], [low, high], color="black", lw=0.9)
    label = f"{model_name(group)}, $H={group['budgets'][-1]['horizon']}$"
    size = 7 if marker == "*" else 4.5
    axis.plot(x, middle, marker, color="black", ms=size, mec="white", mew=0.4, label=label)


def caption(data: Mapping[str, Any]) -> str:
    """What the figure shows, with the run's parameters."""
    row = data["run"][0]
    return (
        "Which side wins where the base earns H or nothing and the expert succeeds with "
        "probability q >= 1/2 (sigma_e/H = sqrt(q(1-q)), c0 = p/q). Shaded: the side with the "
        "smaller upper bound; solid: the solved frontier, advice and no proof (delta = "
        f"{row['failure_probability']:g}). Dashed: KL(expert || base) = entropy of the label, "
        "which depends on neither n nor the class. Triangles: sign of the simulated gap between VB "
        f"pessimism and VF-MLE on the same leash (H = {row['horizon']}, {row['replicates']} "
        f"replicates a cell), where it is clear of 0 at 95 % and above {_NEGLIGIBLE:.0%} of what "
        f"the expert adds. Black: real models at the expert of kappa = {fitted.RADIUS:g}, "
        "coverage of the median prompt and of the 10th to 90th percentile; their laws are not all "
        "or nothing, so they are placed by their two statistics only. An exact check needs no data "
        "and is not meant here."
    )
