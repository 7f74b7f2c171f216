"""Figure `zoo`: methods that verify and methods that do not, trained and answered at equal budgets.

Needs a run of configs/zoo.yaml. Shows what every method gains over a vote in each setting of the
planted subsequence, how pass@N moves while cloning trains, and best-of-N over N by verifiers that
err.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from verigap.figures.needs import Run
from verigap.figures.panels import bars
from verigap.figures.style import BOUND, COLUMN, GUIDE, VB, VF
from verigap.sim.planted.methods.compared import (
    CurvePoint,
    MethodPoint,
    MethodsSetting,
    compare_settings,
    is_compared,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NEEDS = {"run": Run("configs/zoo.yaml", full="configs/zoo-full.yaml", committed="docs/runs/zoo")}

SHOWS = (
    "Which method earns most depends on heterogeneity, on how rare success is, and on whether the "
    "verifier errs; a vote is hard to beat where success is common."
)

_BLOCK = "methods"
_FAMILIES = ("low", "high")
_COLOURS = {"base": GUIDE, "vf": VF, "vb": VB}
_EXACT = "exact"
_LOOK = {"": ("o", True), _EXACT: ("D", False), "learned": ("o", True), "erring": ("o", False)}


def _settings(data: Mapping[str, Any]) -> list[MethodsSetting]:
    rows = [row for row in data["run"] if is_compared(row)]
    found = [setting for setting in compare_settings(rows) if setting.block == _BLOCK]
    if not found:
        raise ValueError(f"the run has no block {_BLOCK}; sweep {NEEDS['run'].config} first")
    there = {(each.family, each.horizon) for each in found}
    for horizon in sorted({horizon for _, horizon in there}):
        for family in _FAMILIES:
            if (family, horizon) not in there:
                raise ValueError(
                    f"the run has no {family} heterogeneity at H = {horizon}, which the figure "
                    f"compares with the other; sweep {NEEDS['run'].config} first"
                )
    return found


def draw(data: Mapping[str, Any]) -> Figure:
    """The figure from the cells of a run."""
    from matplotlib.figure import Figure

    settings = _settings(data)
    horizons = sorted({setting.horizon for setting in settings})
    names = list(dict.fromkeys(p.method for p in settings[0].points))
    height = 0.1 * len(names) + 0.45
    figure = Figure(figsize=(COLUMN, 2 * height + 1.7), layout="constrained")
    axes = figure.subplots(
        3, len(horizons), height_ratios=[height, height, 1.5], squeeze=False
    )  # fmt: skip
    for setting in settings:
        axis = axes[_FAMILIES.index(setting.family), horizons.index(setting.horizon)]
        _gains(axis, setting, names)
    for row in axes[:2]:
        for axis in row[1:]:
            axis.set_yticklabels([])
    for axis in axes[1]:
        axis.set_xlabel("gain over vote, tokens", fontsize=6)
    _passes(axes[2, 0], _of(settings, _FAMILIES[0], horizons[0]))
    _over_candidates(axes[2, -1], _of(settings, _FAMILIES[1], horizons[-1]))
    return figure


def _of(settings: Sequence[MethodsSetting], family: str, horizon: int) -> MethodsSetting:
    return next(each for each in settings if (each.family, each.horizon) == (family, horizon))


def _gains(axis: Axes, setting: MethodsSetting, names: Sequence[str]) -> None:
    """One line a method: its gain over the vote, by each verifier that it may ask."""
    for point in setting.points:
        place = names.index(point.method)
        marker, filled = _LOOK.get(point.verifier, ("o", True))
        _dot(axis, point, place + _shift(point), marker, filled=filled)
    axis.axvline(0.0, color=GUIDE, lw=0.6)
    axis.set_axisbelow(True)
    axis.grid(axis="y", color="#eeeeee", lw=0.4)
    axis.set_yticks(range(len(names)), names, fontsize=5)
    axis.set_ylim(len(names) - 0.5, -0.5)
    axis.tick_params(axis="x", labelsize=6)
    axis.set_title(f"{setting.family}, $H={setting.horizon}$", fontsize=7)


def _shift(point: MethodPoint) -> float:
    """Verifiers of one method stand beside each other."""
    return {_EXACT: -0.28, "erring": 0.28}.get(point.verifier, 0.0)


def _dot(axis: Axes, point: MethodPoint, place: float, marker: str, *, filled: bool) -> None:
    colour = BOUND if point.verifier == _EXACT else _COLOURS[point.side]
    middle, low, high = np.asarray([[point.gain.estimate], [point.gain.low], [point.gain.high]])
    axis.errorbar(
        middle, [place], xerr=bars(middle, low, high),
        fmt=marker, ms=2.2, mew=0.6, lw=0.7, color=colour, mfc=colour if filled else "white",
    )  # fmt: skip


def _line(axis: Axes, points: Sequence[CurvePoint], field: str, **look: Any) -> None:
    values = [getattr(point, field) for point in points]
    middle, low, high = (
        np.asarray([getattr(value, end) for value in values]) for end in ("estimate", "low", "high")
    )
    at = [point.at for point in points]
    axis.errorbar(at, middle, bars(middle, low, high), lw=0.9, ms=2.2, elinewidth=0.5, **look)


def _passes(axis: Axes, setting: MethodsSetting) -> None:
    """pass@N while cloning trains."""
    for name, style in (("cloning", "-"), ("limited-cloning", "--")):
        points = setting.curves.get(("training", name), ())
        if points:
            _line(axis, points, "pass_at_n", fmt="s", ls=style, color=VF, label=name)
    axis.set_xlabel("steps of cloning", fontsize=6.5)
    axis.set_ylabel(f"pass@{setting.num_candidates}", fontsize=6.5)
    axis.set_title(f"{setting.family}, $H={setting.horizon}$", fontsize=7)
    axis.tick_params(labelsize=6)
    axis.legend(fontsize=5, loc="lower right")


def _over_candidates(axis: Axes, setting: MethodsSetting) -> None:
    """What best-of-N earns over N."""
    for name, (marker, filled) in _LOOK.items():
        points = setting.curves.get(("best-of-n", name), ())
        if points:
            colour = BOUND if name == _EXACT else VB
            _line(
                axis, points, "value", fmt=marker, ls="-", color=colour,
                mfc=colour if filled else "white", label=name,
            )  # fmt: skip
    points = setting.curves.get(("vote", ""), ())
    if points:
        _line(axis, points, "value", fmt="s", ls=":", color=VF, label="vote")
    axis.set_xscale("log", base=2)
    axis.set_xlabel("$N$", fontsize=6.5)
    axis.set_ylabel("tokens", fontsize=6.5)
    axis.set_title(f"{setting.family}, $H={setting.horizon}$", fontsize=7)
    axis.tick_params(labelsize=6)
    axis.legend(fontsize=5)


def caption(data: Mapping[str, Any]) -> str:
    """What the figure shows, with the run's parameters."""
    settings = _settings(data)
    row, first = settings[0].rows[0], settings[0]
    budget = row["budget_training_tokens"]
    return (
        f"Simulated: transformers of {row['parameters']:,} parameters on the planted subsequence "
        f"(k = {row['symbols']}, V = {row['vocabulary']}, base pre-trained at H = "
        f"{row['longest']}), {first.trainings} trainings, 95 % bootstrap intervals over trainings "
        f"and {first.prompts} held-out prompts. Every method has at most n = {first.data_budget} "
        f"demonstrations or labelled traces, N = {first.num_candidates} traces of H tokens for an "
        f"answer, and at H = {first.horizon} {budget:,.0f} tokens of training. Above: gain over a "
        "vote of N base traces where the base is of low and of high heterogeneity (rows) and "
        "success is rare or common (columns). Orange: without a verifier; blue: with one that "
        "learned from right labels (filled) or from a check that forgets the last token of the "
        "block (open); diamonds: with the exact check; grey: one sample. Below: pass@N while "
        "cloning trains, by log-loss and with limited confidence, and over N what the vote and "
        "best-of-N by each verifier earn."
    )
