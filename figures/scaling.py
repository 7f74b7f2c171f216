"""Figure `scaling`: the price of not verifying, against the token budget at n = H.

Needs a run of configs/quickstart.yaml. Shows that a verifier-free learner's deficit grows like
sqrt(H) at constant class size, faster when the class grows with the data, and like H against weak
demonstrations.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from verigap.figures.needs import Run
from verigap.figures.style import BOUND, COLUMN, GUIDE, VF, log_log
from verigap.sim.checks.values import bound_values

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NEEDS = {"run": Run("configs/quickstart.yaml")}

SHOWS = (
    "What not verifying costs grows like sqrt(H) at n = H against the hardest expert, and like H "
    "against weak demonstrations."
)

_PANELS = (
    ("sqrt-h-constant-class", 40.0, "class of $2^{40}$, hardest expert", 0.5, r"$\propto\sqrt{H}$"),
    ("sqrt-h-growing-class", None, "class of $n^2$, hardest expert", 0.5, r"$\propto\sqrt{H}$"),
    ("linear-separation", None, "weak demonstrations, $\\kappa=1$", 1.0, r"$\propto H$"),
)


def _series(rows: Sequence[Mapping[str, Any]], block: str, bits: float | None) -> list[Any]:
    chosen = [r for r in rows if r["block"] == block and bits in {None, r["log2_class_size"]}]
    return sorted(chosen, key=lambda row: row["horizon"])


def draw(data: Mapping[str, Any]) -> Figure:
    """The figure from the cells of a run."""
    from matplotlib.figure import Figure

    rows = data["run"]
    figure = Figure(figsize=(2.05 * COLUMN, 2.3))
    axes = figure.subplots(1, 3, sharey=True)
    for axis, (block, bits, title, power, guide) in zip(axes, _PANELS, strict=True):
        series = _series(rows, block, bits)
        if not series:
            raise ValueError(f"the run has no block {block!r}; sweep {NEEDS['run'].config} first")
        horizons = np.asarray([row["horizon"] for row in series], float)
        for name, marker, face, size, label in (
            ("vf-mle", "s", "none", 5.5, "simulated, VF-MLE"),
            ("vf-bayes", "o", VF, 2.5, "simulated, VF-Bayes"),
        ):
            gap, error = leashed_gap(series, name)
            look = {"fmt": marker, "color": VF, "mfc": face, "ms": size, "label": label}
            axis.errorbar(horizons, gap, 1.96 * error, capsize=1.5, zorder=3, **look)
        bound = "SEPARATION-LINEAR" if block == "linear-separation" else "VF-LOWER"
        values = bound_values(series, [bound])[bound][0]
        axis.plot(horizons, np.where(values > 0, values, np.nan), color=BOUND, label="lower bound")
        start = leashed_gap(series, "vf-mle")[0][0]
        axis.plot(horizons, 3.0 * start * (horizons / horizons[0]) ** power, "--", color=GUIDE)
        middle = len(horizons) // 2
        axis.text(
            horizons[middle],
            4.2 * start * (horizons[middle] / horizons[0]) ** power,
            guide,
            color=GUIDE,
            ha="right",
        )
        log_log(axis, "token budget $H$ ($n=H$)", "")
        axis.set_title(title)
    axes[0].set_ylabel("$J_{VB}-J_{VF}$ on the same leash\n(tokens of correct trace)")
    axes[0].legend(loc="upper left")
    figure.tight_layout(w_pad=0.6)
    return figure


def leashed_gap(series: Sequence[Mapping[str, Any]], learner: str) -> tuple[np.ndarray, np.ndarray]:
    """Leashed J_VB - J_VF and its standard error (tokens)."""
    by_learner = [{entry["learner"]: entry for entry in row["learners"]} for row in series]
    gap = [f[learner]["leashed_mean"] - f["vb-pessimism"]["leashed_mean"] for f in by_learner]
    variance = [
        (f[learner]["leashed_variance"] + f["vb-pessimism"]["leashed_variance"]) / row["replicates"]
        for f, row in zip(by_learner, series, strict=True)
    ]
    return np.asarray(gap), np.sqrt(np.asarray(variance))


def caption(data: Mapping[str, Any]) -> str:
    """What the figure shows, with the run's parameters."""
    rows = data["run"]
    series = _series(rows, "sqrt-h-constant-class", 40.0)
    return (
        "Verifier-based minus verifier-free value in the two-level relabelling game "
        f"(sd H/2, H = {series[0]['horizon']} to {series[-1]['horizon']}, n = H, "
        f"{series[0]['replicates']} replicates a cell, 95 % intervals), both policies in the "
        "expert's chi-square ball (in the kappa = 1 ball on the right). Lines: VF-LOWER, and "
        "SEPARATION-LINEAR on the right, where they are positive."
    )
