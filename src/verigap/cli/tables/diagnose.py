"""How a diagnosis looks in a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer

from verigap.llm_validation.reporting.page import group_title, printable


def show_diagnosis(content: Mapping[str, Any], page: Path) -> None:
    """Both decisions and the worth of a check, a group, and where the report is."""
    for group in content["groups"]:
        shown, select, train = group["currency"], group["select"], group["train"]
        horizon = group["budget"]["horizon"]
        at = "whole samples" if horizon is None else f"H = {horizon:,} {group['unit']}"
        data = "" if train is None else f", n = {train['data_budget']:,}"
        typer.echo(
            f"{_line(group_title(group))} at {at}{data}, N = {select['num_candidates']:,}; "
            f"{group['prompts']:,} prompts, {group['samples']:,} graded samples"
        )
        typer.echo(f"  select: {select['decision'][shown]['sentence']}")
        if train is not None:
            typer.echo(f"  train: {train['decision'][shown]['sentence']}")
        typer.echo(f"  check: {select['check']['sentence']}")
        for row in select["falls"]:
            typer.echo(f"  note: {row['sentence']}")
        if select["why_different"]:
            typer.echo(f"  note: {select['why_different']}")
        if group["spending"]["within"] is not None:
            typer.echo(f"  {_within(group)}")
    for left in content["left_out"]:
        typer.echo(f"{_line(group_title(left))}: left out, no sample could be graded")
    typer.echo(str(page))


def _within(group: Mapping[str, Any]) -> str:
    """The best arms at a spending limit."""
    spending = group["spending"]
    unit = "of cost" if spending["priced"] else group["unit"]
    parts = []
    for name, row in spending["within"].items():
        named = "without a check" if name == "without_check" else "with an exact check"
        if row is None:
            parts.append(f"{named} nothing fits")
            continue
        parts.append(
            f"{named} {row['name']}, N = {row['num_candidates']}, stopped at "
            f"{row['horizon']:,} {group['unit']}: {100 * row['accuracy']:.3g} %"
        )
    return f"within {spending['spend']:g} {unit} a prompt: {'; '.join(parts)}"


def _line(text: str) -> str:
    """Text of the traces, whatever it holds, on one line."""
    return " ".join(str(printable(text)).split())
