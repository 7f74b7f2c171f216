"""Figure `tightness`: every bound against the risk it bounds, over all cells of a run.

Needs a run of configs/quickstart.yaml. Shows how far each bound is from what it bounds, and where
it says nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from verigap.figures.needs import Run
from verigap.figures.style import BOUND, COLUMN, GUIDE, VB, VF
from verigap.sim.checks.check import BoundTest, check
from verigap.sim.checks.values import bound_by_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NEEDS = {"run": Run("configs/quickstart.yaml")}

SHOWS = (
    "Where they say something, lower bounds on cloning are close to the risk, upper bounds several "
    "times it, and the separation is far below the gap."
)

_HEADLINES = (
    ("VF-LOWER", "v"),
    ("VF-UPPER", "^"),
    ("VB-LOWER", "v"),
    ("VB-UPPER-BEST-OF-N", "^"),
)
_RANGE = (1e-3, 3e3)


def says_nothing(test: BoundTest, row: Mapping[str, Any]) -> bool:
    """Whether it is trivial: at least J_e, or 1 for a frequency; not positive for a lower bound."""
    bound = bound_by_name(test.bound)
    if bound.direction == "lower":
        return not np.isfinite(test.ratio)
    most = 1.0 if bound.quantity == "matching" else row["mean"] + row["expert_gain"]
    return test.value >= most


def _colour(name: str) -> str:
    return {"verifier-free": VF, "verifier-based": VB, "both": BOUND}[bound_by_name(name).side]


def draw(data: Mapping[str, Any]) -> Figure:
    """The figure from the cells of a run."""
    from matplotlib.figure import Figure

    rows = {row["cell"]: row for row in data["run"]}
    report = check(data["run"])
    figure = Figure(figsize=(2.05 * COLUMN, 3.4))
    left, right = figure.subplots(1, 2, width_ratios=(1.0, 1.15))
    _against(left, report.tests, rows)
    names = [verdict.name for verdict in report.verdicts if verdict.cells]
    _ratios(right, names, report.tests, rows)
    figure.tight_layout(w_pad=1.0)
    return figure


def _against(axis: Axes, tests: Sequence[BoundTest], rows: Mapping[str, Any]) -> None:
    """Measured risk against bound, both as shares of H."""
    low = 1e-4
    for name, marker in _HEADLINES:
        own = [test for test in tests if test.bound == name and test.learner in _learner(name)]
        own = [test for test in own if not says_nothing(test, rows[test.cell])]
        horizon = np.asarray([rows[test.cell]["horizon"] for test in own], float)
        bound = np.asarray([test.value for test in own]) / horizon
        measured = np.asarray([test.measured for test in own]) / horizon
        half = 1.96 * np.asarray([_error(test, rows[test.cell]) for test in own]) / horizon
        drawn = measured > low
        axis.errorbar(
            bound[drawn], measured[drawn],
            np.stack([np.minimum(half, 0.999 * measured), half])[:, drawn],
            fmt=marker, color=_colour(name), mfc="white" if marker == "^" else _colour(name),
            ms=2.8, mew=0.7, elinewidth=0.6, label=name,
        )  # fmt: skip
    ends = np.asarray([low, 1.0])
    axis.plot(ends, ends, color=GUIDE, lw=0.8, zorder=0)
    axis.set_xscale("log")
    axis.set_yscale("log")
    axis.set_xlim(low, 1.0)
    axis.set_ylim(low, 1.0)
    axis.set_xlabel("bound / $H$")
    axis.set_ylabel("risk / $H$, as the bound speaks of it")
    axis.legend(loc="upper left", handletextpad=0.2, borderpad=0.0)


def _learner(name: str) -> tuple[str, ...]:
    """The learner that the left panel shows: the first that the bound names."""
    return bound_by_name(name).learners[:1]


def _error(test: BoundTest, row: Mapping[str, Any]) -> float:
    """Standard error of a mean; 0 for a quantile, which has none here."""
    if bound_by_name(test.bound).statistic != "mean":
        return 0.0
    (entry,) = [entry for entry in row["learners"] if entry["learner"] == test.learner]
    return (entry["variance"] / row["replicates"]) ** 0.5


def _ratios(
    axis: Axes, names: Sequence[str], tests: Sequence[BoundTest], rows: Mapping[str, Any]
) -> None:
    """Measured over bound, a line of dots a bound."""
    for place, name in enumerate(reversed(names)):
        own = [test for test in tests if test.bound == name]
        empty = [says_nothing(test, rows[test.cell]) for test in own]
        ratios = np.asarray([test.ratio for test in own], float)
        colour = _colour(name)
        for chosen, face, edge in ((empty, "none", GUIDE), (~np.asarray(empty), colour, colour)):
            visible = np.clip(ratios[chosen], *_RANGE)
            visible = visible[np.isfinite(visible)]
            # Spread over the line by order, so that the dots can be told apart.
            height = place + 0.5 * ((np.arange(visible.size) * 0.618) % 1.0 - 0.5)
            axis.plot(visible, height, "o", ms=2, mfc=face, mec=edge, mew=0.4)
        telling = ratios[~np.asarray(empty)]
        if telling.size:
            axis.plot(np.median(telling), place, "|", color="black", ms=9, mew=1.4)
        axis.text(
            1.02, place, f"{sum(empty)}/{len(own)}", transform=axis.get_yaxis_transform(),
            va="center", fontsize=6.5,
        )  # fmt: skip
    axis.axvline(1.0, color=GUIDE, lw=0.8, zorder=0)
    axis.set_xscale("log")
    axis.set_xlim(*_RANGE)
    arrows = {"lower": r"$\geq$", "upper": r"$\leq$"}
    axis.set_yticks(
        range(len(names)),
        [f"{name} {arrows[bound_by_name(name).direction]}" for name in reversed(names)],
        fontsize=6,
    )
    axis.set_ylim(-0.6, len(names) - 0.4)
    axis.text(
        1.02, len(names) - 0.3, "says\nnothing", transform=axis.get_yaxis_transform(),
        va="bottom", fontsize=6.5,
    )  # fmt: skip
    axis.set_xlabel("tightness: measured / bound")


def caption(data: Mapping[str, Any]) -> str:
    """What the figure shows, with the run's parameters."""
    rows = data["run"]
    replicates = sorted({row["replicates"] for row in rows})
    deltas = ", ".join(
        f"{delta:g}" for delta in sorted({row["failure_probability"] for row in rows})
    )
    report = check(rows)
    violated = sum(verdict.violations for verdict in report.verdicts)
    return (
        f"Bounds against simulated risks in the {len(rows)} cells of a run (relabelling game on "
        "two-level, sparse and beta-geometric laws and on laws measured from GPT-4; hard prompts; "
        f"{replicates[0]:,} replicates a cell, delta = {deltas}). Left: four bounds where they "
        "say something, each on the first learner it names; means with 95 % intervals, for "
        "VF-UPPER the (1 - delta) quantile; risks below 1e-4 H are left out. Right: tightness of "
        "every bound on every learner it speaks of; lower bounds (>=) hold right of 1, upper ones "
        "(<=) left of it, up to the noise of the replicates; bars mark medians, and dots on the "
        "left edge ratios below 1e-3 or negative ones: a learner that meets or beats its expert. "
        "Grey and in the last column: an upper bound above what no risk exceeds, or a lower bound "
        f"that is not positive. Violations after Holm's correction: {violated}."
    )
