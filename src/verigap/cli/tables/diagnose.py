"""How a diagnosis looks in a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from verigap.cli.output import say
from verigap.llm_validation.reporting.numbers import counted, number, percent
from verigap.llm_validation.reporting.page import asked_of, group_title, printable


def show_diagnosis(content: Mapping[str, Any], page: Path) -> None:
    """Both decisions and the worth of a check, a group, and where the report is."""
    for group in content["groups"]:
        shown, select, train = group["currency"], group["select"], group["train"]
        say(
            f"{_line(group_title(group))} at {asked_of(group)}; "
            f"{counted(group['prompts'], 'prompt')}, "
            f"{counted(group['samples'], 'graded sample')}"
        )
        say(f"  select: {select['decision'][shown]['sentence']}")
        if train is not None:
            say(f"  train: {train['decision'][shown]['sentence']}")
        standing = (group["theory"] or {}).get("standing")
        if standing is not None:
            say(f"  stands: {standing['sentence']}")
        say(f"  check: {select['check']['by_currency'][shown]['sentence']}")
        if group["methods"] is not None:
            say(f"  methods: {group['methods']['sentence']}")
        for row in select["falls"]:
            say(f"  note: {row['sentence']}")
        for note in group["warnings"]:
            say(f"  note: {note}")
        if select["why_different"]:
            say(f"  note: {select['why_different']}")
        if group["spending"]["within"] is not None:
            say(f"  {_within(group)}")
    for row in content["comparisons"]:
        say(f"{_line(group_title(row))} and {_line(row['other'] or 'traces')}: {row['sentence']}")
    for left in content["left_out"]:
        say(f"{_line(group_title(left))}: left out, no sample could be graded")
    say(str(page))


def _within(group: Mapping[str, Any]) -> str:
    """The best arms at a spending limit."""
    spending, unit = group["spending"], group["unit"]
    parts = []
    for name, row in spending["within"].items():
        if row is None:
            named = "without a check" if name == "without_check" else "with an exact check"
            parts.append(f"nothing can be had {named}")
            continue
        stopped = ""
        if row["horizon"] is not None:
            stopped = f", samples stopped at {row['horizon']:,} {unit},"
        parts.append(f"{row['name']}{stopped} is right on {percent(row['accuracy'])}")
    most = number(spending["spend"]) + ("" if spending["priced"] else f" {unit}")
    return f"for at most {most} a prompt: {'; '.join(parts)}"


def _line(text: str) -> str:
    """Text of the traces, whatever it holds, on one line."""
    return " ".join(str(printable(text)).split())
