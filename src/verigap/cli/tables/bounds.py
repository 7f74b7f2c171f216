"""How bounds and risks look in a terminal."""

from __future__ import annotations

import math

from rich.console import Console

from verigap.cli.tables.common import open_console, plain_table, table_number
from verigap.sim.calculator import Calculation
from verigap.sim.relabelling.learner_risks import LearnerRisks
from verigap.sim.relabelling.learners import LEARNERS
from verigap.sim.relabelling.risk import Risk
from verigap.sim.score_selection import ScoreSelection
from verigap.storage.units import LengthUnit


def show_calculation(result: Calculation) -> None:
    """Bounds and risks of one setting."""
    console = open_console()
    horizon, unit, ball = result.horizon, result.unit, result.setting.ball
    kappa = float(result.setting.class_radius)
    console.print(
        f"H = {horizon} {unit}, n = {result.data_budget}, "
        f"d = {result.log2_class_size:g} bits, {ball.symbol} = {kappa:.4g}{ball.unit}, "
        f"mean = {table_number(result.mean)}, sigma = {table_number(result.sd)}, "
        f"c0 = {table_number(result.coverage)}\n",
        highlight=False,
    )
    table = plain_table(f"Bounds ({unit})", "bound", "value", "share of H", words="proved here")
    for name, bound in result.bounds.items():
        share = "-" if bound.quantity == "matching" else table_number(bound.value / horizon, 1.0)
        table.add_row(name, table_number(bound.value, horizon), share, bound.proved_in_words)
    console.print(table, highlight=False)
    if result.vf_lower_at_expert is not None:
        console.print(
            "The value of VF-LOWER is at the expert it finds hardest to clone; at the best expert "
            f"of the ball it is {table_number(result.vf_lower_at_expert, horizon)}.",
            highlight=False,
        )
    for expert, risks in (
        ("the expert", result.risks),
        ("VF-LOWER's hardest expert", result.risks_hardest),
    ):
        if risks is not None:
            which = f"{expert}, of {_expert(result, risks.expert_radius)}"
            _show_risks(console, which, risks, horizon, unit)
    if result.selection is not None:
        _show_selection(console, result.selection, horizon, unit)


def _expert(result: Calculation, radius: float) -> str:
    """The expert by its radius; in the chi-square ball by its tilt, the root."""
    ball = result.setting.ball
    if ball.name == "chi2":
        return f"tilt {math.sqrt(radius):.4g}"
    return f"{ball.symbol} {radius:.4g}{ball.unit}"


def _show_selection(
    console: Console, found: ScoreSelection, horizon: int, unit: LengthUnit
) -> None:
    console.print(
        f"\n[bold]Selection by a score[/] of ROC area {table_number(found.area, 1.0)}: mean return "
        f"in {unit}, exact; the base is right in {table_number(found.success, 1.0)} of its traces",
        highlight=False,
    )
    table = plain_table("", "way", "mean return", "share of H", "draws")

    def row(way: str, value: float | None, draws: str) -> None:
        known = value is not None
        table.add_row(
            way,
            table_number(value, horizon) if known else "-",
            table_number(value / horizon, 1.0) if known else "-",
            draws,
        )

    row("one trace", found.base, "1")
    row("best of N", found.best_of_n, f"{found.num_candidates:,}")
    row("rejection, as many draws", found.rejection, f"{found.num_candidates:,}")
    if found.best_num_candidates is not None:
        row("best of N at its best N", found.best_value, f"{found.best_num_candidates:,}")
    row("limit of both", found.limit, "without end")
    for point in found.thresholds:
        row(
            f"rejection at {point.false_positive:g}:{point.false_negative:g}",
            point.value,
            table_number(point.draws) if point.value is not None else "without end",
        )
    console.print(table, highlight=False)
    if found.falls:
        verdict = f"Past N = {found.best_num_candidates:,} best of N is worth less"
        console.print(f"{verdict}, down to its limit.", highlight=False)
    elif found.best_num_candidates is None:
        console.print("Best of N rises towards its limit with N.", highlight=False)
    else:
        console.print("More candidates add nothing.", highlight=False)


def _show_risks(
    console: Console, expert: str, risks: LearnerRisks, horizon: int, unit: LengthUnit
) -> None:
    console.print(
        f"\n[bold]Risks in the relabelling game[/]: {unit} below {expert} and value "
        f"{table_number(risks.expert_value)}",
        highlight=False,
    )
    table = plain_table("", "learner", "risk", "share of H", "standard error")
    for name, risk in risks.by_learner.items():
        table.add_row(
            LEARNERS[name].title,
            table_number(risk.value, horizon),
            table_number(risk.value / horizon, 1.0),
            how_certain(risk),
        )
    console.print(table, highlight=False)


def _rounded_up(error: float) -> float:
    """To two digits."""
    if error <= 0.0:
        return 0.0
    unit = 10.0 ** (math.floor(math.log10(error)) - 1)
    return math.ceil(error / unit) * unit


def how_certain(risk: Risk) -> str:
    """The standard error of a simulated mean, half the width of an interval, else the method."""
    if risk.low is not None and risk.high is not None:
        # Half the width, rounded up: ends that agree to the digits of the table say nothing.
        return f"lattice, within {_rounded_up(0.5 * (risk.high - risk.low)):g}"
    if risk.method != "simulation" or risk.standard_error is None:
        return risk.method
    # A spread of the size of rounding is none; the method is what says that this is no closed form.
    if risk.standard_error <= 1e-12 * abs(risk.value):
        return f"0 in {risk.replicates:,} draws"
    return table_number(risk.standard_error)
