"""Figure `controlled-heterogeneity`: the gap against budget and data at set heterogeneity.

Needs a run of configs/figures-heterogeneity.yaml. Shows that the gap grows about like sqrt(H) at
n = H and falls about like 1/sqrt(n) at fixed H, in proportion to the heterogeneity.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from verigap.figures.needs import Run
from verigap.figures.scaling import leashed_gap
from verigap.figures.style import COLUMN, GUIDE, log_log
from verigap.sim.checks.exponents import fit_exponent

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NEEDS = {
    "run": Run("configs/figures-heterogeneity.yaml", "configs/figures-heterogeneity-full.yaml")
}

SHOWS = (
    "The gap grows about like sqrt(H) at n = H and falls about like 1/sqrt(n), in proportion to "
    "the heterogeneity of the base."
)

_LEARNER = "vf-bayes"
_MARKERS = "vsoD^"
_BLOCKS = (("horizon", 0.5, r"$\propto\sqrt{H}$"), ("data", -0.5, r"$\propto 1/\sqrt{n}$"))

Rows = Sequence[Mapping[str, Any]]


def _series(rows: Rows, block: str) -> dict[float, list[Mapping[str, Any]]]:
    """Cells of a block by sd/H, ascending, in order of budget and data."""
    chosen = [row for row in rows if row["block"] == block]
    if not chosen:
        raise ValueError(f"the run has no block {block!r}; sweep {NEEDS['run'].config} first")
    shares = {float(json.loads(row["series"])["law.sd"]) for row in chosen}
    return {
        share: sorted(
            (row for row in chosen if json.loads(row["series"])["law.sd"] == share),
            key=lambda row: (row["horizon"], row["data_budget"]),
        )
        for share in sorted(shares)
    }


def _varied(series: Rows, block: str) -> np.ndarray:
    return np.asarray(
        [row["horizon" if block == "horizon" else "data_budget"] for row in series], float
    )


def _fit(series: Rows, block: str) -> tuple[float, float, float]:
    """Fitted power of the budget or the data, and its 95 % interval."""
    return fit_exponent(_varied(series, block), *leashed_gap(series, _LEARNER))


def draw(data: Mapping[str, Any]) -> Figure:
    """The figure from the cells of a run."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(2.05 * COLUMN, 2.4))
    axes = figure.subplots(1, 3)
    for axis, (block, power, guide) in zip(axes[:2], _BLOCKS, strict=True):
        _gaps(axis, _series(data["run"], block), block, power, guide)
    axes[0].set_ylabel("$J_{VB}-J_{VF}$ on the same leash\n(tokens of correct trace)")
    axes[1].legend(loc="lower left", title=r"$\sigma/H$", title_fontsize=6.5, ncols=2)
    _exponents(axes[2], data["run"])
    figure.tight_layout(w_pad=1.0)
    return figure


def _gaps(axis: Axes, by_share: Mapping[float, Rows], block: str, power: float, guide: str) -> None:
    """Measured gaps with 95 % intervals, the fitted line of each heterogeneity, and the guide."""
    shades = np.linspace(0.65, 0.0, len(by_share))
    for (share, series), marker, shade in zip(by_share.items(), _MARKERS, shades, strict=False):
        x = _varied(series, block)
        gap, error = leashed_gap(series, _LEARNER)
        axis.errorbar(
            x, gap, 1.96 * error, fmt=marker, color=str(shade), capsize=1.5, label=f"{share:g}"
        )
        fitted = _line(x, _middle(gap), _fit(series, block)[0])
        axis.plot(x, fitted, color=str(shade), lw=0.7)
    highest = by_share[max(by_share)]
    x, top = _varied(highest, block), 3.0 * _middle(leashed_gap(highest, _LEARNER)[0])
    line = _line(x, top, power)
    axis.plot(x, line, "--", color=GUIDE)
    at, side = (-2, "right") if power > 0 else (1, "left")
    axis.text(x[at], 1.25 * line[at], guide, color=GUIDE, ha=side)
    fixed = "$n=H$" if block == "horizon" else f"$H={highest[0]['horizon']}$"
    name = "token budget $H$" if block == "horizon" else "data $n$ (traces)"
    log_log(axis, f"{name}, {fixed}", "")
    # Room for the legend below the falling lines.
    axis.set_ylim(bottom=axis.get_ylim()[0] / (1.0 if power > 0 else 4.0))


def _middle(values: np.ndarray) -> float:
    return float(np.exp(np.log(values).mean()))


def _line(x: np.ndarray, middle: float, power: float) -> np.ndarray:
    """A power of x of this geometric mean."""
    return middle * (x / _middle(x)) ** power


def _exponents(axis: Axes, rows: Rows) -> None:
    """Fitted powers with their intervals, by heterogeneity."""
    for block, sign, face, label in (
        ("horizon", 1.0, "black", "in $H$, $n=H$"),
        ("data", -1.0, "white", "in $n$, sign reversed"),
    ):
        by_share = _series(rows, block)
        # Sorted, because a reversed sign swaps the ends of an interval.
        fits = np.sort([sign * np.asarray(_fit(each, block)) for each in by_share.values()], axis=1)
        axis.errorbar(
            np.arange(len(by_share)) + 0.08 * sign, fits[:, 1],
            [fits[:, 1] - fits[:, 0], fits[:, 2] - fits[:, 1]],
            fmt="o", color="black", mfc=face, capsize=1.5, label=label,
        )  # fmt: skip
        axis.set_xticks(np.arange(len(by_share)), [f"{share:g}" for share in by_share])
        axis.set_xlim(-0.5, len(by_share) - 0.5)
    axis.axhline(0.5, ls="--", color=GUIDE, zorder=0)
    low, high = axis.get_ylim()
    reach = max(high - 0.5, 0.5 - low, 0.05)
    axis.set_ylim(0.5 - 1.1 * reach, 0.5 + 1.9 * reach)
    axis.set_xlabel(r"heterogeneity $\sigma/H$")
    axis.set_ylabel("fitted exponent")
    axis.legend(loc="upper left")


def caption(data: Mapping[str, Any]) -> str:
    """What the figure shows, with the run's parameters."""
    by_share = {block: _series(data["run"], block) for block, *_ in _BLOCKS}
    series = next(iter(by_share["horizon"].values()))
    shares = ", ".join(f"{share:g}" for share in by_share["horizon"])
    fits = [_fit(each[max(each)], block) for block, each in by_share.items()]
    fitted = [f"{middle:.3f} [{low:.3f}, {high:.3f}]" for middle, low, high in fits]
    return (
        "Simulated: value of the version space learner (VB) minus that of VF-Bayes "
        f"in the two-level relabelling game of sd {shares} of H, class of "
        f"2^{series[0]['log2_class_size']:g}, {series[0]['replicates']} replicates a cell, 95 % "
        "intervals (mostly smaller than the markers), both policies in the chi-square ball of the "
        f"demonstrating expert, which is the one that VF-LOWER finds hardest at each n. Left: n = "
        f"H = {series[0]['horizon']} to {series[-1]['horizon']}. Middle: H fixed. Lines: fitted "
        "powers. Right: the exponents with 95 % intervals that include the scatter around the "
        f"line; at sd {max(by_share['horizon']):g} H they are {fitted[0]} in H and {fitted[1]} in "
        "n. "
        "In this game the gap is proportional to the sd, so the exponents agree by construction."
    )
