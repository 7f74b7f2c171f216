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
            key=lambda row: (row["horizon"], row["n"]),
        )
        for share in sorted(shares)
    }


def _varied(series: Rows, block: str) -> np.ndarray:
    return np.asarray([row["horizon" if block == "horizon" else "n"] for row in series], float)


def draw(data: Mapping[str, Any]) -> Figure:
    """The figure from the cells of a run."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(2.05 * COLUMN, 2.4))
    axes = figure.subplots(1, 3)
    for axis, (block, power, guide) in zip(axes[:2], _BLOCKS, strict=True):
        _gaps(axis, _series(data["run"], block), block, power, guide)
    axes[0].set_ylabel("$J_{VB}-J_{VF}$ on the same leash\n(tokens of correct trace)")
    axes[0].legend(loc="upper left", title=r"$\sigma/H$", title_fontsize=6.5)
    _exponents(axes[2], data["run"])
    figure.tight_layout(w_pad=1.0)
    return figure


def _gaps(
    axis: Axes,
    found: Mapping[float, Rows],
    block: str,
    power: float,
    guide: str,
) -> None:
    """Measured gaps with 95 % intervals, the fitted line of each heterogeneity, and the guide."""
    shades = np.linspace(0.65, 0.0, len(found))
    for (share, series), marker, shade in zip(found.items(), _MARKERS, shades, strict=False):
        x = _varied(series, block)
        gap, error = leashed_gap(series, _LEARNER)
        axis.errorbar(
            x, gap, 1.96 * error, fmt=marker, color=str(shade), capsize=1.5, label=f"{share:g}"
        )
        slope = fit_exponent(x, gap, error)[0]
        axis.plot(x, np.exp(np.log(gap).mean()) * (x / _middle(x)) ** slope, color=str(shade), lw=0.7)
    top = np.exp(np.log(gap).mean()) * 3.0
    axis.plot(x, top * (x / _middle(x)) ** power, "--", color=GUIDE)
    place = x[-2] if power > 0 else x[1]
    axis.text(
        place, 1.25 * top * (place / _middle(x)) ** power, guide,
        color=GUIDE, ha="right" if power > 0 else "left",
    )  # fmt: skip
    fixed = "$n=H$" if block == "horizon" else f"$H={series[0]['horizon']}$"
    name = "token budget $H$" if block == "horizon" else "data $n$ (traces)"
    log_log(axis, f"{name}, {fixed}", "")


def _middle(x: np.ndarray) -> float:
    return float(np.exp(np.log(x).mean()))


def _exponents(axis: Axes, rows: Rows) -> None:
    """Fitted powers with their intervals, by heterogeneity."""
    for (block, _, _), face, label in zip(
        _BLOCKS, ("black", "white"), ("in $H$, $n=H$", "in $n$, sign reversed"), strict=True
    ):
        found = _series(rows, block)
        sign = 1.0 if block == "horizon" else -1.0
        fits = np.asarray(
            [
                np.sort(sign * np.asarray(fit_exponent(_varied(s, block), *leashed_gap(s, _LEARNER))))
                for s in found.values()
            ]
        )
        place = np.arange(len(found)) + (0.08 if sign > 0 else -0.08)
        axis.errorbar(
            place, fits[:, 1], [fits[:, 1] - fits[:, 0], fits[:, 2] - fits[:, 1]], fmt="o",
            color="black", mfc=face, capsize=1.5, label=label,
        )  # fmt: skip
        axis.set_xticks(np.arange(len(found)), [f"{share:g}" for share in found])
    axis.axhline(0.5, ls="--", color=GUIDE, zorder=0)
    axis.set_xlim(-0.5, len(found) - 0.5)
    low, high = axis.get_ylim()
    middle = max(high - 0.5, 0.5 - low, 0.05)
    axis.set_ylim(0.5 - 1.1 * middle, 0.5 + 1.9 * middle)
    axis.set_xlabel(r"heterogeneity $\sigma/H$")
    axis.set_ylabel("fitted exponent")
    axis.legend(loc="upper left")


def caption(data: Mapping[str, Any]) -> str:
    """What the figure shows, with the run's parameters."""
    found = {block: _series(data["run"], block) for block, *_ in _BLOCKS}
    series = next(iter(found["horizon"].values()))
    shares = ", ".join(f"{share:g}" for share in found["horizon"])
    fitted = [
        f"{fit[0]:.3f} [{fit[1]:.3f}, {fit[2]:.3f}]"
        for block, each in found.items()
        for fit in [fit_exponent(_varied(last := each[max(each)], block), *leashed_gap(last, _LEARNER))]
    ]
    return (
        "Simulated: verifier-based (pessimism over the version space) minus verifier-free "
        f"(posterior mean) value in the two-level relabelling game of sd {shares} of H, class of "
        f"2^{series[0]['log2_class']:g}, {series[0]['replicates']} replicates a cell, 95 % "
        "intervals (mostly smaller than the markers), both policies in the chi-square ball of the "
        f"demonstrating expert, which is the one that VF-LOWER finds hardest at each n. Left: n = "
        f"H = {series[0]['horizon']} to {series[-1]['horizon']}. Middle: H fixed. Lines: fitted "
        "powers. Right: the exponents with 95 % intervals that include the scatter around the "
        f"line; at sd {max(found['horizon']):g} H they are {fitted[0]} in H and {fitted[1]} in n. "
        "In this game the gap is proportional to the sd, so the exponents agree by construction."
    )
