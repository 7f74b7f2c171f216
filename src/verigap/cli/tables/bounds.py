"""How bounds and exact risks look in a terminal."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from rich.console import Console

from verigap.cli.tables.common import number, open_console, plain_table
from verigap.sim.relabelling.learners import LEARNERS
from verigap.sim.relabelling.risk import Risk
from verigap.storage.units import LengthUnit


def _proved(bound: Mapping[str, Any]) -> str:
    """Whether a bound is proved in its setting, or the first reason why not."""
    if bound["assumptions_failing"]:
        return f"no, only if {bound['assumptions_failing'][0]}"
    if bound["assumptions_unchecked"]:
        return f"not checked: {bound['assumptions_unchecked'][0]}"
    return "yes"


def show_calculation(result: Mapping[str, Any]) -> None:
    """Bounds and exact risks of one setting."""
    console = open_console()
    horizon, unit = result["horizon"], result["unit"]
    console.print(
        f"H = {horizon} {unit}, n = {result['data_budget']}, "
        f"d = {result['log2_class_size']:g} bits, kappa = {result['chi2_radius']:.4g}, "
        f"mean = {number(result['mean'])}, sigma = {number(result['sd'])}, "
        f"c0 = {number(result['coverage'])}\n",
        highlight=False,
    )
    table = plain_table(f"Bounds ({unit})", "bound", "value", "share of H", words="proved here")
    for name, bound in result["bounds"].items():
        share = "-" if bound["quantity"] == "matching" else number(bound["value"] / horizon, 1.0)
        table.add_row(name, number(bound["value"], horizon), share, _proved(bound))
    console.print(table, highlight=False)
    if "tilt" in result["vf_lower"]:
        console.print(
            "The value of VF-LOWER is at the expert it finds hardest to clone; at the best expert "
            f"of the ball it is {number(result['vf_lower']['value_at_expert'], horizon)}.",
            highlight=False,
        )
    if result["exact"] is not None:
        _show_exact(console, "the expert", result["exact"], horizon, unit)
    if result["exact_hardest"] is not None:
        _show_exact(console, "VF-LOWER's hardest expert", result["exact_hardest"], horizon, unit)


def _show_exact(
    console: Console, expert: str, exact: Mapping[str, Any], horizon: int, unit: LengthUnit
) -> None:
    console.print(
        f"\n[bold]Risks in the relabelling game[/]: {unit} below {expert}, of tilt "
        f"{math.sqrt(exact['expert_radius']):.4g} and value {number(exact['expert_value'])}",
        highlight=False,
    )
    table = plain_table("", "learner", "risk", "share of H", "standard error")
    for name, learner in LEARNERS.items():
        risk = Risk(**exact[name])
        table.add_row(
            learner.title,
            number(risk.value, horizon),
            number(risk.value / horizon, 1.0),
            how_certain(risk),
        )
    console.print(table, highlight=False)


def how_certain(risk: Risk) -> str:
    """The standard error of a simulated mean, else how the risk was computed."""
    if risk.method != "simulation" or risk.standard_error is None:
        return risk.method
    # A spread of the size of rounding is none; the method is what says that this is no closed form.
    if risk.standard_error <= 1e-12 * abs(risk.value):
        return f"0 in {risk.replicates:,} draws"
    return number(risk.standard_error)
