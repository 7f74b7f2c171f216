"""How compared methods look in a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import Any

from rich.console import Console

from verigap.cli.tables.common import open_console, plain_table
from verigap.cli.tables.trained import interval
from verigap.sim.planted.methods.compared import MethodsSetting


def _where(setting: MethodsSetting) -> str:
    return (
        f"{setting.block}: {setting.family} heterogeneity, H = {setting.horizon}, "
        f"n = {setting.data_budget}, N = {setting.num_candidates}"
    )


def show_methods(settings: Sequence[MethodsSetting], *, everything: bool) -> None:
    """The winner of every setting and verifier, with its lead and its cost.

    Args:
      settings: what was measured.
      everything: every method of every setting as well, and how verifiers err.
    """
    console = open_console(200)
    if everything:
        for setting in settings:
            _show_setting(console, setting)
            _show_verifiers(console, setting)
    table = plain_table(
        "Methods on held-out prompts of the planted subsequence, at equal budgets: the best one "
        "(tokens of correct trace; 95 % bootstrap intervals)",
        "setting", "verifier", "best method", "earned", "lead over the next", "next",
        "first in resamples", "training FLOPs", "tokens an answer",
    )  # fmt: skip
    for setting in settings:
        for winner in setting.winners:
            spent = winner.point.spent
            table.add_row(
                _where(setting), winner.verifier or "none", winner.point.method,
                interval(winner.point.value), interval(winner.lead), winner.runner_up,
                f"{winner.share_first:.0%}", f"{spent.training_flops:.1e}",
                f"{spent.answer_tokens:.0f}",
            )  # fmt: skip
    console.print(table, highlight=False)


def methods_content(setting: MethodsSetting) -> dict[str, Any]:
    """A setting as JSON: methods, verifiers, curves and winners, without the rows of the run."""
    content = {
        field.name: getattr(setting, field.name)
        for field in fields(setting)
        if field.name not in ("rows", "points", "curves")
    }
    return content | {
        "points": [asdict(point) for point in setting.points],
        "curves": [
            {"curve": curve, "of": of, "points": [asdict(point) for point in points]}
            for (curve, of), points in setting.curves.items()
        ],
        "winners": [asdict(winner) for winner in setting.winners],
    }


def _show_setting(console: Console, setting: MethodsSetting) -> None:
    table = plain_table(
        f"{_where(setting)}; expert {setting.expert:.2f}, {setting.prompts} prompts, "
        f"{setting.trainings} trainings",
        "method", "verifier", "earned", "gain over the vote", "correct, %", "demonstrations",
        "labels", "training tokens", "training FLOPs", "tokens an answer", "FLOPs an answer",
        "checks",
    )  # fmt: skip
    for point in setting.points:
        spent = point.spent
        table.add_row(
            point.method, point.verifier or "-", interval(point.value), interval(point.gain),
            f"{100 * point.success.estimate:.1f}", f"{spent.demonstrations:.0f}",
            f"{spent.labels:.0f}", f"{spent.training_tokens:.1e}", f"{spent.training_flops:.1e}",
            f"{spent.answer_tokens:.0f}", f"{spent.answer_flops:.1e}", f"{spent.checks:.1f}",
        )  # fmt: skip
    console.print(table, highlight=False)


def _show_verifiers(console: Console, setting: MethodsSetting) -> None:
    table = plain_table(
        f"Verifiers in {_where(setting)}, on the base's traces",
        "verifier", "labels", "correlation", "error, tokens", "false positives, %",
        "false negatives, %", "until accepted: correct, %", "by the Markov chain, %",
    )  # fmt: skip
    for name, found in setting.verifiers.items():
        measured = setting.point("until-accepted", name).success.estimate
        table.add_row(
            name, f"{found['labels']:.0f}", f"{found['correlation']:.2f}", f"{found['error']:.2f}",
            f"{100 * found['false_positive']:.1f}", f"{100 * found['false_negative']:.1f}",
            f"{100 * measured:.1f}", f"{100 * setting.corrections[name]:.1f}",
        )  # fmt: skip
    console.print(table, highlight=False)
