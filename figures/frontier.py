"""Figure `frontier`: where verifying overtakes cloning, solved for in three planes.

Left over the simulated phase diagram, from a run of configs/figures-phase.yaml. The regions are
those of the exact risks of the relabelling game, in which both sides play the expert's tilt of the
codeword that they pick; the bounds stand beside (docs/theory.md, WHEN VF WINS and exact risks).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from verigap.figures import phase
from verigap.figures.needs import Content, Run
from verigap.figures.style import BOUND, COLUMN, VB, VF

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from verigap.theory import RewardLaw, Setting

SHOWS = (
    "Verifying leads where the base is heterogeneous and covers the expert, with traces enough for "
    "labels and too few for cloning, and against experts that are only a little better."
)

# Of the simulated cells that the first panel shows.
_DATA, _BITS = 64, 40.0
# A trace is right from each token on with this probability; budgets, traces, and the rest.
_RATE, _BUDGETS, _MOST_TRACES, _BUDGET_BITS = 0.005, (2, 512), 4096, 20.0
# The base succeeds with this probability; traces, and class sizes.
_SUCCESS, _LEASH_DATA, _SIZES = 0.125, 32, (1.0, 128.0)


def _planes(tables: Sequence[Path], full: bool) -> dict[str, Any]:
    """Edges of the regions in each plane; NaN where a region has none."""
    points = 65 if full else 33
    return {
        "coverage": coverage_plane(points),
        "budget": budget_plane(points if full else 27),
        "leash": leash_plane(points),
    }


def coverage_plane(points: int) -> dict[str, Any]:
    """c0 at each sigma_e/H where either side's lead begins, and where both are equal."""
    from verigap.theory.frontier import MARGIN, exact_coverage_frontier

    sd = np.linspace(0.02, 0.5, points)
    levels = {"cloning": -MARGIN, "equal": 0.0, "verifying": MARGIN}
    edges = {
        name: _known(exact_coverage_frontier(sd, _DATA, _BITS, level=level))
        for name, level in levels.items()
    }
    return {"sd": [float(f"{spread:.6g}") for spread in sd], **edges}


def budget_plane(points: int) -> dict[str, Any]:
    """Traces n at each budget H where either side's lead begins and ends; and of the bounds."""
    from verigap.theory import Setting, geometric_hitting_time
    from verigap.theory.arrays import host_array
    from verigap.theory.frontier import MARGIN, bound_lead, whole_crossing
    from verigap.theory.risks import expert_shares

    budgets = np.unique(np.rint(np.geomspace(*_BUDGETS, points)).astype(int)).tolist()
    found: dict[str, list[float]] = {name: [] for name in _EDGES}
    for horizon in budgets:
        law = geometric_hitting_time(host_array([_RATE]), horizon)
        lead = cache(lambda n, law=law: expert_shares(law, 1.0, n, _BUDGET_BITS).lead)
        for side, level in (("cloning", -MARGIN), ("verifying", MARGIN)):
            first = whole_crossing(lead, 1, _MOST_TRACES, level=level)
            last = whole_crossing(lead, _MOST_TRACES, 1, level=level)
            found[f"{side} from"].append(_number(first))
            found[f"{side} to"].append(_number(last))

        def bounds(n: int, horizon: int = horizon, law: RewardLaw = law) -> float:
            return float(
                bound_lead(
                    Setting.from_law(
                        law, horizon=horizon, data_budget=n, log2_class_size=_BUDGET_BITS,
                        chi2_radius=1.0,
                    )
                )
            )  # fmt: skip

        found["bounds"].append(_number(whole_crossing(bounds, 1, _MOST_TRACES)))
    return {"horizon": budgets, **found}


_EDGES = ("cloning from", "cloning to", "verifying from", "verifying to", "bounds")


def leash_plane(points: int) -> dict[str, Any]:
    """kappa at each class size where verifying's lead ends and cloning's begins; and of bounds."""
    from verigap.theory.frontier import (
        MARGIN,
        bound_lead,
        exact_radius_frontier,
        solve_crossings,
    )
    from verigap.theory.risks import all_or_nothing

    law, _ = all_or_nothing(_SUCCESS, _SUCCESS)
    sizes = np.geomspace(*_SIZES, points)
    levels = {"cloning": -MARGIN, "equal": 0.0, "verifying": MARGIN}
    found = {
        name: exact_radius_frontier(law, _LEASH_DATA, sizes, level=level, lowest=0.01)
        for name, level in levels.items()
    }
    most = 1.0 / _SUCCESS - 1.0

    def bounds(radii: np.ndarray, point: np.ndarray) -> np.ndarray:
        settings = [_leash_setting(law, k, d) for k, d in zip(radii, sizes[point], strict=True)]
        return np.asarray([float(bound_lead(setting)) for setting in settings])

    beside = solve_crossings(bounds, np.full(sizes.size, 0.01), most)
    return {
        "log2_class_size": [float(f"{size:.6g}") for size in sizes],
        **{name: _known(edge) for name, edge in found.items()},
        "bounds": _known(beside),
    }


def _leash_setting(law: RewardLaw, radius: float, size: float) -> Setting:
    from verigap.theory import Setting

    return Setting.from_law(
        law, horizon=1.0, data_budget=float(_LEASH_DATA), log2_class_size=float(size),
        chi2_radius=float(radius),
    )  # fmt: skip


def _known(crossings: Any) -> list[float]:
    """Places of crossings whose roots were found, to the digits that a root is found to."""
    places = np.where(crossings.converged, crossings.at, np.nan).tolist()
    return [float(f"{place:.6g}") for place in places]


def _number(place: int | None) -> float:
    return float("nan") if place is None else float(place)


NEEDS = {
    "run": Run("configs/figures-phase.yaml", full="configs/figures-phase-full.yaml"),
    "planes": Content("frontier", _planes),
}


def draw(data: Mapping[str, Any]) -> Figure:
    """The figure from the cells of a run and the solved edges."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(2.05 * COLUMN, 3.0))
    axes = figure.subplots(1, 3)
    _draw_coverage(axes[0], _cells(data["run"]), data["planes"]["coverage"])
    _draw_budget(axes[1], data["planes"]["budget"])
    _draw_leash(axes[2], data["planes"]["leash"])
    figure.tight_layout(w_pad=0.8, rect=(0.0, 0.12, 1.0, 1.0))
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="lower center", ncols=4, columnspacing=1.6)
    return figure


def _cells(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    own = [row for row in rows if (row["data_budget"], row["log2_class_size"]) == (_DATA, _BITS)]
    if not own:
        raise ValueError(
            f"the run has no cell of n = {_DATA} and d = {_BITS:g}; sweep {NEEDS['run'].config}"
        )
    return own


def _array(values: Sequence[float | None]) -> np.ndarray:
    """Numbers as they come from JSON, where one that is not known is None."""
    return np.asarray([np.nan if value is None else value for value in values], float)


def _draw_coverage(axis: Axes, rows: Sequence[Mapping[str, Any]], plane: Mapping[str, Any]) -> None:
    sd, floor = _array(plane["sd"]), 0.02
    cloning, equal, verifying = (_array(plane[name]) for name in ("cloning", "equal", "verifying"))
    axis.fill_between(sd, floor, cloning, color=VF, alpha=0.18, lw=0, label="cloning leads")
    axis.fill_between(sd, verifying, 1.0, color=VB, alpha=0.18, lw=0, label="verifying leads")
    axis.plot(sd, equal, color="black", label="exact risks are equal")
    axis.plot(sd, phase.bound_frontier(rows[0], sd), "--", color=BOUND, label="bounds are equal")
    phase.draw_simulated(axis, rows)
    axis.set_yscale("log")
    axis.set_xlim(0.0, 0.52)
    axis.set_ylim(floor, 1.0)
    axis.set_xlabel(r"heterogeneity $\sigma_e/H$")
    axis.set_ylabel(r"coverage $c_0$ of the base")
    axis.set_title(f"$n={_DATA}$, class of $2^{{{_BITS:g}}}$")


def _draw_budget(axis: Axes, plane: Mapping[str, Any]) -> None:
    horizon = _array(plane["horizon"])
    for side, color in (("cloning", VF), ("verifying", VB)):
        first, last = (_array(plane[f"{side} {end}"]) for end in ("from", "to"))
        axis.fill_betweenx(horizon, first, last, color=color, alpha=0.18, lw=0)
        axis.plot(first, horizon, color=color, lw=0.8)
        axis.plot(last, horizon, color=color, lw=0.8)
    axis.plot(_array(plane["bounds"]), horizon, "--", color=BOUND)
    _name(axis, 0.97, 0.8, "both know", "right")
    _name(axis, 0.03, 0.03, "neither\nknows", "left")
    axis.set_xscale("log", base=2)
    axis.set_yscale("log", base=2)
    axis.set_xlim(1.0, _MOST_TRACES)
    axis.set_ylim(*_BUDGETS)
    axis.set_xlabel("traces $n$")
    axis.set_ylabel("token budget $H$")
    axis.set_title(rf"$\kappa=1$, class of $2^{{{_BUDGET_BITS:g}}}$")


def _draw_leash(axis: Axes, plane: Mapping[str, Any]) -> None:
    size, most = _array(plane["log2_class_size"]), 1.0 / _SUCCESS - 1.0
    cloning, equal, verifying = (_array(plane[name]) for name in ("cloning", "equal", "verifying"))
    axis.fill_between(size, cloning, most, color=VF, alpha=0.18, lw=0)
    axis.fill_between(size, 0.01, verifying, color=VB, alpha=0.18, lw=0)
    axis.plot(size, np.where(np.isnan(cloning) & np.isnan(verifying), np.nan, equal), color="black")
    axis.plot(size, _array(plane["bounds"]), "--", color=BOUND)
    _name(axis, 0.97, 0.03, "neither\nknows", "right")
    _name(axis, 0.03, 0.93, "both know", "left")
    axis.set_xscale("log", base=2)
    axis.set_yscale("log")
    axis.set_xlim(*_SIZES)
    axis.set_ylim(0.01, most)
    axis.set_xlabel("class size $d$ (bits)")
    axis.set_ylabel(r"leash and expert $\kappa$")
    axis.set_title(f"$n={_LEASH_DATA}$, base succeeds 1 in {1 / _SUCCESS:g}")


def _name(axis: Axes, x: float, y: float, text: str, side: str) -> None:
    axis.text(x, y, text, transform=axis.transAxes, ha=side, va="bottom", fontsize=6.5, color=BOUND)


def caption(data: Mapping[str, Any]) -> str:
    """What the figure shows, with its parameters."""
    row = _cells(data["run"])[0]
    return (
        "Who leads on the same leash, by the risks of the relabelling game: shaded where the lead "
        "is above 1 % of what the expert adds, white where it is not; all edges are solved for. "
        "Cloning is maximum likelihood; verifying trusts one consistent reward, and pessimism does "
        "no worse. Solid: the risks are equal. Dashed: VF-UPPER = VB-UPPER (delta = "
        f"{row['failure_probability']:g}), advice and no proof. Left: all-or-nothing returns, "
        "sigma_e/H = sqrt(q(1-q)) with q >= 1/2 and c0 = p/q; triangles: sign of the simulated gap "
        f"of pessimism to cloning (H = {row['horizon']}, {row['replicates']} replicates a cell), "
        "where it is clear of 0 at 95 % and above 1 % of what the expert adds. Middle: each token "
        f"is the first correct one with probability {_RATE:g}, returns H - T + 1, and budgets, "
        "unlike a change of unit, change the law; its scores are put on a lattice. Right: "
        "all-or-nothing returns; the leash ends where the expert never fails."
    )
