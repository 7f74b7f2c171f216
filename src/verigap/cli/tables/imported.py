"""The account of an import, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from verigap.cli.options import with_flags
from verigap.cli.output import one_line, say

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from verigap.llm_validation.importers import ImportReport

_LISTED = 20


def show_import(report: ImportReport, out: Path) -> None:
    """Print what an import took in, and warn of what is doubtful."""
    known = report.unknown_lengths < report.samples
    lengths = f"lengths in {report.unit}" if known else "no lengths"
    say(f"{out}: {report.samples} samples of {report.prompts} prompts, {lengths}")
    say(f"  {report.correct} correct, {report.incorrect} incorrect, {report.ungraded} ungraded")
    for kind, reasons in (
        ("incorrect", report.incorrect_because),
        ("ungraded", report.ungraded_because),
    ):
        for reason, count in reasons.items():
            say(f"  {count} {kind}: {one_line(reason)}")
    for name, count in report.decided_by.items():
        say(f"  correctness decided by {one_line(name)}: {count} samples")
    _show_scorers(report)
    for reason, count in report.left_out.items():
        say(f"  left out {count}: {one_line(reason)}")
    if report.mended:
        say(f"  half characters replaced in {report.mended} texts")
    if report.repeated_texts:
        say(f"  {report.repeated_texts} texts repeat an earlier one of their prompt")
    warn(report.warnings)
    if report.skipped:
        say(f"verigap: skipped {report.skipped} unreadable records or samples:", err=True)
        for line in report.skipped_list[:_LISTED]:
            say(f"  {one_line(line)}", err=True)
        if report.skipped > _LISTED:
            say(f"  and {report.skipped - _LISTED} more", err=True)


def _show_scorers(report: ImportReport) -> None:
    """What the log's other scorers and its harness say."""
    for tally in report.scorers if len(report.scorers) > 1 else ():
        neither = f", {tally.neither} neither" if tally.neither else ""
        role = "decides" if tally.decides else f"differs on {tally.differs}"
        say(
            f"  {one_line(tally.name)}: {tally.correct} correct, {tally.incorrect} incorrect"
            f"{neither} ({role})"
        )
    for stated in report.harness:
        of = f" ({stated.of})" if stated.of else ""
        say(
            f"  the harness states {one_line(stated.name)} {stated.stated:.4g}{of}; here "
            f"{stated.found:.4g} of {stated.samples} samples"
        )
    for threshold, share in report.correct_above.items():
        say(f"  correct above {threshold}: {share:.4g} of the samples")


def warn(warnings: Iterable[str]) -> None:
    """Print on stderr what is doubtful about samples."""
    for warning in warnings:
        say(f"verigap: {with_flags(one_line(warning))}", err=True)
