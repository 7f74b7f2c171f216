"""How a diagnosis looks in a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer

from verigap.llm_validation.reporting.page import group_title, printable


def show_diagnosis(content: Mapping[str, Any], page: Path) -> None:
    """One sentence a group and verifier, and where the report is."""
    for group in content["groups"]:
        target = group["target"]
        at = f"at H = {target['horizon']:,} {group['unit']}, n = {target['data_budget']:,}, "
        typer.echo(f"{_line(group_title(group))} {at}N = {target['num_candidates']:,}")
        for row in group["verdicts"]:
            typer.echo(f"  {row['verifier']} verifier: {row['sentence']}")
    for left in content["left_out"]:
        typer.echo(f"{_line(group_title(left))}: left out, no sample could be verified")
    typer.echo(str(page))


def _line(text: str) -> str:
    """Text of the traces, whatever it holds, on one line."""
    return " ".join(str(printable(text)).split())
