"""How results look in a terminal."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from verigap.sim.checks import Exponent, Report, TrainedReport
from verigap.sim.planted.learners import CLONING, SELECTION
from verigap.sim.planted.measured import Measured, Point


def number(value: float | None) -> str:
    """Four significant digits, or a dash where there is no number."""
    if value is None or math.isnan(value):
        return "-"
    return f"{value:.4g}"


def open_console(width: int = 120) -> Console:
    """A console wide enough for the tables when the output is not a terminal."""
    console = Console()
    return console if console.is_terminal else Console(width=width)


def plain_table(title: str, *columns: str) -> Table:
    """A table without lines: the first column to the left, numbers to the right."""
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for index, column in enumerate(columns):
        table.add_column(column, justify="left" if index == 0 else "right", no_wrap=True)
    return table


def show_calculation(result: Mapping[str, Any]) -> None:
    """Bounds and exact risks of one setting."""
    console = open_console()
    horizon = result["horizon"]
    console.print(
        f"H = {horizon} tokens, n = {result['n']}, d = {result['log2_class']:g} bits, "
        f"kappa = {result['kappa']:.4g}, mean = {number(result['mean'])}, "
        f"sigma = {number(result['sigma'])}, c0 = {number(result['c0'])}\n",
        highlight=False,
    )
    table = plain_table("Bounds (tokens)", "bound", "value", "share of H", "proved here")
    for name, bound in result["bounds"].items():
        probability = name == "VF-LOWER-PROBABILITY"
        share = "-" if probability else number(bound["value"] / horizon)
        holds = "yes" if bound["assumptions_hold"] else f"no: {bound['assumptions_failing'][0]}"
        table.add_row(name, number(bound["value"]), share, holds)
    console.print(table, highlight=False)
    if "tilt" in result["vf_lower"]:
        console.print(
            "The value of VF-LOWER is at the expert it finds hardest to clone; at the best expert "
            f"of the ball it is {number(result['vf_lower']['value_at_expert'])}.",
            highlight=False,
        )
    if result["exact"] is not None:
        _show_exact(console, "the expert", result["exact"], horizon)
    if result["exact_hardest"] is not None:
        _show_exact(console, "VF-LOWER's hardest expert", result["exact_hardest"], horizon)


def _show_exact(console: Console, name: str, exact: Mapping[str, Any], horizon: int) -> None:
    console.print(
        f"\n[bold]Exact risks of the relabelling game[/]: tokens below {name}, of tilt "
        f"{math.sqrt(exact['expert_radius']):.4g} and value {number(exact['expert_value'])}",
        highlight=False,
    )
    table = plain_table("", "learner", "risk", "share of H", "standard error")
    for label, key in (
        ("VF-MLE (cloning)", "vf_mle"),
        ("VF posterior sampling", "vf_posterior_sampling"),
        ("VF-Bayes (best possible)", "vf_bayes"),
        ("VB plug-in", "vb"),
        ("VB best-of-N", "vb_best_of_n"),
        ("VB pessimism", "vb_pessimism"),
    ):
        value = exact[key]
        simulated = value if isinstance(value, dict) else {}
        mean = simulated.get("mean", value)
        error = simulated.get("stderr", exact.get(f"{key}_stderr", 0.0))
        known = error <= 1e-12 * horizon
        table.add_row(
            label, number(mean), number(mean / horizon), "exact" if known else number(error)
        )
    console.print(table, highlight=False)


def show_check(report: Report, fits: Sequence[Exponent], rows: Sequence[Mapping[str, Any]]) -> None:
    """Verdicts, exponents, and the worst violations."""
    console = open_console()
    table = plain_table(
        f"Bounds against {len(rows)} simulated cells (family-wise error 0.001)",
        "bound",
        "verdict",
        "cells",
        "violated",
        "vacuous",
        "median ratio",
        "worst ratio",
    )
    for verdict in report.verdicts:
        if verdict.cells == 0:
            word = "not applicable"
        else:
            word = "VIOLATED" if verdict.violations else "holds"
        table.add_row(
            verdict.name,
            word,
            str(verdict.cells),
            str(verdict.violations),
            str(verdict.vacuous),
            number(verdict.median_ratio),
            number(verdict.worst_ratio),
        )
    console.print(table, highlight=False)
    console.print(
        "ratio = measured / bound where the bound is positive (else vacuous): at least 1 for lower "
        "bounds, at most 1 for upper ones\n",
        highlight=False,
    )
    if fits:
        table = plain_table("Fitted exponent of H", "series", "quantity", "points", "slope", "95 %")
        for fit in fits:
            if "posterior-sampling" in fit.quantity:
                continue  # as vf-mle; --json has them all
            interval = f"{fit.low:.3f} .. {fit.high:.3f}"
            table.add_row(fit.series, fit.quantity, str(fit.points), f"{fit.slope:.3f}", interval)
        console.print(table, highlight=False)
    worst = sorted((test for test in report.tests if test.violated), key=lambda test: test.p_value)
    for test in worst[:5]:
        console.print(
            f"violated: {test.bound} in cell {test.cell} by {test.learner}: measured "
            f"{number(test.measured)}, bound {number(test.value)}, p = {test.p_value:.1e}",
            highlight=False,
        )
    console.print("[bold]every bound holds[/]" if report.ok else "[bold red]a bound is violated[/]")


def interval(value: Measured) -> str:
    """Three digits of an estimate and its interval."""
    return f"{value.estimate:.2f} ({value.low:.2f}..{value.high:.2f})"


def _show_learners(console: Console, point: Point) -> None:
    """All learners of one setting, with their leash and their compute."""
    table = plain_table(
        f"All learners at H = {point.horizon}, n = {point.n}, {point.family} heterogeneity "
        f"(expert {point.expert:.2f})",
        "learner", "earned", "on the leash", "predicted", "KL, nats", "training FLOPs",
        "training tokens", "tokens an answer",
    )  # fmt: skip
    for name in point.values:
        table.add_row(
            name, interval(point.values[name]), interval(point.leashed[name]),
            f"{point.predicted[name]:.2f}", f"{point.kl[name]:.2f}",
            f"{point.training_flops[name]:.2e}", f"{point.training_tokens[name]:.2e}",
            f"{point.trace_tokens[name]:.0f}",
        )  # fmt: skip
    console.print(table, highlight=False)


def show_trained(report: TrainedReport) -> None:
    """Values and gaps of trained networks, and the exponents of the gaps."""
    console = open_console(140)
    table = plain_table(
        "Trained networks on held-out prompts (tokens of correct trace; 95 % bootstrap intervals)",
        "base", "sd/H", "H", "n", "expert", "base", "cloning", "best-of-N", "expert - cloning",
        "gap, same leash", "gap, unleashed", "verifier",
    )  # fmt: skip
    for point in report.points:
        table.add_row(
            point.family,
            f"{point.sd_share:.3f}",
            str(point.horizon),
            str(point.n),
            f"{point.expert:.2f}",
            f"{point.base:.2f}",
            f"{point.values[CLONING].estimate:.2f}",
            f"{point.values[SELECTION].estimate:.2f}",
            interval(point.cloning_suboptimality),
            interval(point.gap),
            interval(point.gap_unleashed),
            f"{point.verifier_correlation:.2f}",
        )
    console.print(table, highlight=False)
    table = plain_table(
        "The base against its oracle, verifiers on its traces, best-of-N as predicted and earned",
        "base", "H", "n", "oracle", "base", "KL, nats", "coverage", "accuracy", "majority",
        "correlation", "predicted", "earned",
    )  # fmt: skip
    for point in report.points:
        table.add_row(
            point.family, str(point.horizon), str(point.n), f"{point.oracle_base:.2f}",
            f"{point.base:.2f}", f"{point.base_kl:.3f}", f"{point.coverage:.3f}",
            f"{point.verifier_accuracy:.3f}", f"{point.majority_accuracy:.3f}",
            f"{point.verifier_correlation:.2f}", f"{point.predicted[SELECTION]:.2f}",
            f"{point.values[SELECTION].estimate:.2f}",
        )  # fmt: skip
    console.print(table, highlight=False)
    for point in report.points:
        if len(point.values) > 2:
            _show_learners(console, point)
    if report.exponents:
        table = plain_table(
            "Fitted exponent", "series", "quantity", "against", "points", "slope", "95 %"
        )
        for fit in report.exponents:
            known = math.isfinite(fit.slope)
            table.add_row(
                fit.series, fit.quantity, fit.against, str(fit.points),
                f"{fit.slope:.2f}" if known else "gap not clear of 0",
                f"{fit.low:.2f} .. {fit.high:.2f}" if known else "-",
            )  # fmt: skip
        console.print(table, highlight=False)
    for point in report.points:
        if point.under_training:
            console.print(
                f"under-trained: {point.family}, H = {point.horizon}, n = {point.n}: "
                f"{point.under_training}",
                highlight=False,
            )
