"""How trained networks look in a terminal."""

from __future__ import annotations

import math

from rich.console import Console

from verigap.cli.tables.common import open_console, plain_table, series_name
from verigap.sim.checks import TrainedReport
from verigap.sim.planted.learners import CLONING, SELECTION
from verigap.sim.planted.measured import Measured, Point


def interval(value: Measured) -> str:
    """Three digits of an estimate and its interval."""
    return f"{value.estimate:.2f} ({value.low:.2f}..{value.high:.2f})"


def _show_learners(console: Console, point: Point) -> None:
    """All learners of one setting, with their leash and their compute."""
    table = plain_table(
        f"All learners at H = {point.horizon}, n = {point.data_budget}, {point.family} "
        f"heterogeneity (expert {point.expert:.2f})",
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


def _show_oracle(console: Console, report: TrainedReport) -> None:
    """The base against its oracle, and how good the verifiers are."""
    table = plain_table(
        "The base against its oracle, verifiers on its traces, best-of-N as predicted and earned",
        "base", "H", "n", "oracle", "base", "KL, nats", "coverage", "accuracy", "majority",
        "correlation", "predicted", "earned",
    )  # fmt: skip
    for point in report.points:
        table.add_row(
            point.family, str(point.horizon), str(point.data_budget), f"{point.oracle_base:.2f}",
            f"{point.base:.2f}", f"{point.base_kl:.3f}", f"{point.coverage:.3f}",
            f"{point.verifier_accuracy:.3f}", f"{point.majority_accuracy:.3f}",
            f"{point.verifier_correlation:.2f}", f"{point.predicted[SELECTION]:.2f}",
            f"{point.values[SELECTION].estimate:.2f}",
        )  # fmt: skip
    console.print(table, highlight=False)


def show_trained(report: TrainedReport, *, everything: bool) -> None:
    """Values and gaps of trained networks, and the exponents of the gaps.

    Args:
      report: what was measured.
      everything: oracles, verifiers, all learners and all exponents as well.
    """
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
            str(point.data_budget),
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
    if everything:
        _show_oracle(console, report)
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
                series_name(fit.series), fit.quantity, fit.against, str(fit.points),
                f"{fit.slope:.2f}" if known else "gap not clear of 0",
                f"{fit.low:.2f} .. {fit.high:.2f}" if known else "-",
            )  # fmt: skip
        console.print(table, highlight=False)
    for point in report.points:
        if point.under_training:
            console.print(
                f"under-trained: {point.family}, H = {point.horizon}, n = {point.data_budget}: "
                f"{point.under_training}",
                highlight=False,
            )
