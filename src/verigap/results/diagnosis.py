"""A diagnosis with its report, drawn and tabled."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from verigap.llm_validation.reporting.diagnosis import Diagnosis
from verigap.llm_validation.reporting.writing import WrittenReport
from verigap.notebook import Table
from verigap.results.shown import Shown, group_title

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, kw_only=True, eq=False)
class DiagnosisResult(Shown):
    """A diagnosis and its report.

    Attributes:
      diagnosis: both decisions of every group, and the statistics and the theory behind them.
      content: the report as dictionaries and lists, as `report.json` keeps it.
      page: the report as HTML.
      files: what was written, the page first; empty without a folder.
    """

    diagnosis: Diagnosis
    content: Mapping[str, Any]
    page: str
    files: tuple[Path, ...]

    @classmethod
    def of(cls, diagnosis: Diagnosis, report: WrittenReport) -> DiagnosisResult:
        """A diagnosis with its rendered report."""
        return cls(
            diagnosis=diagnosis, content=report.content, page=report.page, files=report.files
        )

    def tables(self) -> Iterable[Table]:
        """One row a group and decision."""
        rows = [
            (
                group_title(group["dataset"], group["model"]),
                name,
                table["decision"][group["currency"]],
            )
            for group in self.content["groups"]
            for name, table in (("select", group["select"]), ("train", group["train"]))
            if table is not None
        ]
        return [
            Table(
                "Decisions",
                ("traces", "decision", "arm", "says"),
                [(title, name, made["arm"], made["sentence"]) for title, name, made in rows],
            )
        ]

    def plot(self) -> Figure:
        """Accuracy over N, and of trained policies over n, one row of panels a group."""
        from verigap.figures.diagnosis import draw_overview

        return draw_overview(self.content["groups"])
