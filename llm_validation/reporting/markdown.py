"""The report in a few lines of Markdown, for a pull request or a chat."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from verigap.llm_validation.reporting.page import group_title, printable

HEAD = "# Clone, vote or verify?"
_SPECIAL = "\\`*_{}[]<>()#+-.!|~&"


def render_markdown(content: Mapping[str, Any]) -> str:
    """Verdicts, target, assumptions that fail and next steps; names of the traces are escaped."""
    lines = [
        HEAD,
        "",
        f"Diagnosis of {escaped(content['source'])} by verigap {content['version']}.",
    ]
    for group in content["groups"]:
        target, unit = group["target"], group["unit"]
        lines += ["", f"## {escaped(group_title(group))}", ""]
        for row in group["verdicts"]:
            named = "exact check" if row["verifier"] == "exact" else "learned verifier"
            lines.append(f"- **{named}**: {row['sentence']}")
        lines += [
            "",
            f"At H = {target['horizon']:,} {unit}, n = {target['data_budget']:,}, "
            f"N = {target['num_candidates']}; {group['prompts']:,} prompts "
            f"({group['mixed']:,} mixed), {group['samples']:,} samples, "
            f"{group['unverified']:,} unverified.",
        ]
        fails = [row["text"] for row in group["assumptions"] if row["status"] == "fails"]
        for head, rows in (("Assumptions that fail", fails), ("Next", group["next_steps"])):
            if rows:
                lines += ["", f"{head}:", "", *(f"- {row}" for row in rows)]
    for left in content["left_out"]:
        lines += ["", f"Left out: {escaped(group_title(left))}, no sample of which was verified."]
    return "\n".join(lines) + "\n"


def escaped(text: str) -> str:
    """Text that Markdown shows as it is, on one line."""
    shown = " ".join(str(printable(text)).split())
    return "".join("\\" + character if character in _SPECIAL else character for character in shown)
