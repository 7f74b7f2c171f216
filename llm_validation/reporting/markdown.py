"""The report in a few lines of Markdown, for a pull request or a chat."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from verigap.llm_validation.reporting.numbers import counted
from verigap.llm_validation.reporting.page import asked_of, group_title, printable

HEAD = "# How to select, and what to train"
_SPECIAL = "\\`*_{}[]<>()#+-.!|~&$"


def render_markdown(content: Mapping[str, Any]) -> str:
    """Decisions, target, assumptions that fail and next steps; names of the traces are escaped."""
    lines = [
        HEAD,
        "",
        f"Diagnosis of {escaped(content['source'])} by verigap {content['version']}.",
    ]
    for group in content["groups"]:
        shown, select, train = group["currency"], group["select"], group["train"]
        lines += ["", f"## {escaped(group_title(group))}", ""]
        lines.append(f"- **Select**: {_said(select['decision'][shown])}")
        if train is not None:
            lines.append(f"- **Train**: {_said(train['decision'][shown])}")
        standing = (group["theory"] or {}).get("standing")
        if standing is not None:
            lines.append(f"- **Where it stands**: {standing['sentence']}")
        lines += [f"- **Note**: {row['sentence']}" for row in select["falls"]]
        lines.append(f"- **An exact check**: {select['check']['by_currency'][shown]['sentence']}")
        if group["methods"] is not None:
            lines.append(f"- **Methods at test time**: {group['methods']['sentence']}")
        lines += [
            "",
            f"At {asked_of(group)}; {counted(group['prompts'], 'prompt')} "
            f"({select['mixed']:,} with right and wrong samples), "
            f"{counted(group['samples'], 'graded sample')}, {group['ungraded']:,} ungraded.",
        ]
        fails = [row["text"] for row in group["assumptions"] if row["status"] == "fails"]
        for head, rows in (
            ("Notes", group["warnings"]),
            ("Assumptions that fail", fails),
            ("Next", group["next_steps"]),
        ):
            if rows:
                lines += ["", f"{head}:", "", *(f"- {row}" for row in rows)]
    if content["comparisons"]:
        lines += ["", "## The same prompts, other models", ""]
    lines += [
        f"- {escaped(group_title(row))} and {escaped(row['other'] or 'traces')}: {row['sentence']}"
        for row in content["comparisons"]
    ]
    for left in content["left_out"]:
        lines += [
            "",
            f"Left out: {escaped(group_title(left))}, no sample of which could be graded.",
        ]
    return "\n".join(lines) + "\n"


def _said(decision: Mapping[str, Any]) -> str:
    """A decision, what its arms take, and what would settle it while it is open."""
    parts = (decision["sentence"], decision["price"], decision["settling"])
    return " ".join(part for part in parts if part)


def escaped(text: str) -> str:
    """Text that Markdown shows as it is, on one line."""
    shown = " ".join(str(printable(text)).split())
    return "".join("\\" + character if character in _SPECIAL else character for character in shown)
