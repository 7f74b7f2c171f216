"""Plots of results in a notebook: one function a kind of result, a plain look, no caption."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from verigap.figures.panels import bars, spans
from verigap.figures.style import BOUND, COLUMN, GUIDE, VB, VF, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from verigap.llm_validation.fitting.fit import Fit
    from verigap.sim.calculator import Calculation
    from verigap.sim.checks.run_check import RunCheck

# What a sweep may vary; of those with the most values the first is the horizontal axis.
_ALONG = ("horizon", "data_budget", "log2_class_size", "chi2_radius", "num_candidates", "coverage")


def _figure(panels: int = 1, height: float = 2.6) -> tuple[Figure, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(max(1, panels) * COLUMN, height), layout="constrained")
    return figure, figure.subplots(1, max(1, panels), squeeze=False)[0]


def _colour(name: str) -> str:
    lower = name.lower()
    return VF if lower.startswith("vf") else VB if lower.startswith("vb") else BOUND


def draw_calculation(calculation: Calculation) -> Figure:
    """Every bound on a value or gap as a share of H, open where it is not proved here."""
    with styled():
        chosen = {
            name: bound
            for name, bound in reversed(list(calculation.bounds.items()))
            if np.isfinite(bound.value) and bound.quantity != "matching"
        }
        figure, (axis,) = _figure(height=0.4 + 0.2 * len(chosen))
        for place, (name, bound) in enumerate(chosen.items()):
            face = _colour(name) if bound.proved else "white"
            share = bound.value / calculation.horizon
            axis.plot(share, place, "o", color=_colour(name), mfc=face)
        axis.axvline(0.0, color=GUIDE, lw=0.8)
        axis.set_xscale("symlog", linthresh=0.01)
        axis.set_yticks(range(len(chosen)), list(chosen))
        axis.set_xlabel("bound / H (open: not proved in this setting)")
    return figure


def draw_sweep(frame: pl.DataFrame) -> Figure:
    """Risk of every learner, or value of every trained policy, along what varies most."""
    with styled():
        figure, (axis,) = _figure()
        counts = {name: frame[name].n_unique() for name in _ALONG if name in frame.columns}
        along = max(counts, key=lambda name: counts[name])
        value = "risk" if "risk" in frame.columns else "value"
        others = [name for name, count in counts.items() if count > 1 and name != along]
        for (learner, *_), part in frame.drop_nulls(value).group_by(
            "learner", "block", "series", *others, maintain_order=True
        ):
            line = part.sort(along)
            labelled = axis.get_legend_handles_labels()[1]
            label = "_nolegend_" if learner in labelled else learner
            axis.plot(line[along], line[value], ".-", label=label)
        axis.set_xscale("log", base=2)
        axis.set_xlabel(along.replace("_", " "))
        axis.set_ylabel(f"{value} (tokens)")
        axis.legend()
    return figure


def draw_check(run_check: RunCheck) -> Figure:
    """Measured over bound, a line of dots a bound."""
    with styled():
        tests = run_check.bounds.tests if run_check.bounds is not None else ()
        names = list(dict.fromkeys(test.bound for test in tests))[::-1]
        figure, (axis,) = _figure(height=0.6 + 0.2 * len(names))
        for place, name in enumerate(names):
            ratios = np.asarray([test.ratio for test in tests if test.bound == name])
            finite = ratios[np.isfinite(ratios)]
            axis.plot(finite, np.full(finite.size, place), ".", color=_colour(name))
        axis.axvline(1.0, color=GUIDE, lw=0.8)
        axis.set_xscale("symlog", linthresh=0.01)
        axis.set_yticks(range(len(names)), names)
        axis.set_xlabel("measured / bound")
    return figure


def draw_fit(fit: Fit) -> Figure:
    """Heterogeneity over the budgets, and pass@k within the samples, a line a group."""
    with styled():
        figure, (left, right) = _figure(2)
        for group in fit.groups:
            # Names are escaped, because matplotlib reads a dollar sign as mathematics.
            label = _plain(f"{group.counts.dataset} {group.counts.model}".strip() or "traces")
            budgets = [budget.horizon for budget in group.horizon_fits]
            middle, low, high = spans([budget.sigma_over_h.mean for budget in group.horizon_fits])
            left.errorbar(budgets, middle, bars(middle, low, high), fmt="o-", label=label)
            inside = [k for k, row in sorted(group.pass_at_k.items()) if not row.extrapolated]
            middle, low, high = spans([group.pass_at_k[k].value for k in inside])
            right.plot(inside, middle, label=label)
            right.fill_between(inside, low, high, alpha=0.2, lw=0)
        left.set_xlabel("budget H")
        left.set_ylabel(r"heterogeneity $\sigma/H$")
        right.set_xscale("log", base=2)
        right.set_xlabel("k")
        right.set_ylabel("pass@k")
        right.legend()
    return figure


def draw_gaps(groups: Iterable[tuple[str, Sequence[Any]]], how: str) -> Figure:
    """The gap on the same leash over n, a line a budget, a panel a group.

    Args:
      groups: title, and cells with `horizon`, `data_budget` and `gap`.
      how: "predicted" or "measured".
    """
    with styled():
        chosen = list(groups)
        figure, axes = _figure(len(chosen))
        for axis, (title, cells) in zip(axes, chosen, strict=True):
            for horizon in dict.fromkeys(cell.horizon for cell in cells):
                own = [cell for cell in cells if cell.horizon == horizon]
                middle, low, high = spans([cell.gap for cell in own])
                axis.errorbar(
                    [cell.data_budget for cell in own], middle, bars(middle, low, high), fmt="o-",
                    capsize=2, label=f"H = {horizon}",
                )  # fmt: skip
            axis.axhline(0.0, color=GUIDE, lw=0.8)
            axis.set_xscale("log", base=2)
            axis.set_xlabel("data n (traces)")
            axis.set_title(_plain(title))
            axis.legend()
        axes[0].set_ylabel(f"{how} gap, verifying less cloning")
    return figure


def _plain(text: str) -> str:
    """Text that matplotlib does not read as mathematics."""
    return text.replace("$", r"\$")
