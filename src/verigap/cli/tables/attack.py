"""How the worst instances of bounds look in a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from verigap.cli.output import say
from verigap.cli.tables.common import open_console, plain_table, table_number
from verigap.sim.attacks import Attacks, Finding, Instance


def command_of(instance: Instance) -> str:
    """What evaluates an instance again."""
    return f"verigap attack {instance.bound} --instance {instance.text}"


def as_content(found: Finding) -> dict[str, Any]:
    """A finding with the command that evaluates it again."""
    return {**asdict(found), "command": command_of(found.instance)}


def closeness_text(found: Finding | None) -> str:
    """How near an instance comes, rounded towards 0, so that 1 is said of no smaller number."""
    if found is None:
        return "-"
    near = found.closeness if found.in_fractions is None else found.in_fractions
    return f"{near:.6f}" if near > 1.0 else f"{int(near * 1e6) / 1e6:.6f}"


def _how(found: Finding) -> str:
    return "float64" if found.in_fractions is None else "fractions"


def show_attacks(found: Attacks) -> None:
    """The worst instance of every bound by regime, and the commands that evaluate them."""
    console = open_console()
    for name, attack in found.by_bound.items():
        table = plain_table(
            f"{name}: the worst instance by regime", "regime", "closeness", "bound", "exact",
            "evaluated in", words="search space",
        )  # fmt: skip
        for regime, each in attack.worst.items():
            if each is None:
                table.add_row(regime, "-", "-", "-", "-", "")
                continue
            numbers = (table_number(each.value), table_number(each.quantity), _how(each))
            table.add_row(regime, closeness_text(each), *numbers, each.instance.space)
        console.print(table, highlight=False)
        found_here = [each for each in attack.worst.values() if each is not None]
        for each in sorted(found_here, key=lambda one: -one.closeness)[:1]:
            say(f"the worst: {command_of(each.instance)}")
        broken = [each for each in found_here if each.violated]
        say(f"{name} is broken\n" if broken else f"no instance that was tried breaks {name}\n")


def show_findings(findings: Sequence[Finding]) -> None:
    """One instance after the other, with its bound and its exact quantity."""
    for found in findings:
        exact = "" if found.in_fractions is None else f", {found.in_fractions:.15g} in fractions"
        say(command_of(found.instance))
        say(
            f"  bound {found.value:.15g}, exact {found.quantity:.15g}, "
            f"closeness {found.closeness:.15g}{exact}"
        )
        for text in found.failing_assumptions:
            say(f"  not an instance of the bound: it needs that {text}")
        if found.violated:
            say(f"  {found.instance.bound} is broken")
