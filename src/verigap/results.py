"""What the verbs return: results of the rooms below that draw themselves and show as tables.

They live above `figures`, as a result that draws itself must know the figures.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import polars as pl

from verigap.llm_validation.fitting.fit import Fit
from verigap.llm_validation.intervals import Statistic
from verigap.llm_validation.measuring.measurement import GroupMeasurement
from verigap.llm_validation.measuring.planted_runs import FinetunedMeasurement
from verigap.llm_validation.predicting.prediction import GroupPrediction
from verigap.llm_validation.reporting.diagnosis import Diagnosis
from verigap.llm_validation.reporting.writing import WrittenReport
from verigap.notebook import Table, html_tables
from verigap.sim.calculator import Calculation
from verigap.sim.checks.run_check import RunCheck
from verigap.sim.relabelling.learners import LEARNERS
from verigap.sim.sweeps.frame import cells_by_learners

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SHOWN_ROWS = 50


class Shown:
    """A result that draws itself, and shows as a table in a notebook."""

    @abstractmethod
    def tables(self) -> Iterable[Table]:
        """What a notebook shows."""

    @abstractmethod
    def plot(self) -> Figure:
        """The result as a figure; `figure.savefig(path)` keeps it."""

    def _repr_html_(self) -> str:
        return html_tables(self.tables())


_Kind = TypeVar("_Kind", bound=Shown)


def shown(kind: type[_Kind], result: Any) -> _Kind:
    """A dataclass of a room below as its subclass that draws itself."""
    return kind(**{field.name: getattr(result, field.name) for field in fields(result)})


class CalculationResult(Calculation, Shown):
    """`Calculation` with `plot()` and a table in a notebook."""

    def tables(self) -> Iterable[Table]:
        """One row a bound; then one row a learner, one table an expert."""
        title = (
            f"Bounds ({self.unit}): H = {self.horizon} {self.unit}, n = {self.data_budget}, "
            f"d = {self.log2_class_size:g} bits"
        )
        rows = [(name, bound.value, bound.proved_in_words) for name, bound in self.bounds.items()]
        yield Table(title, ("bound", "value", "proved here"), rows)
        experts = (("the expert", self.risks), ("VF-LOWER's hardest expert", self.risks_hardest))
        for expert, risks in experts:
            if risks is not None:
                yield Table(
                    f"Risks ({self.unit} below {expert}, of value {risks.expert_value:.4g})",
                    ("learner", "risk", "standard error", "method"),
                    [
                        (
                            LEARNERS[name].title,
                            risk.value,
                            math.nan if risk.standard_error is None else risk.standard_error,
                            risk.method,
                        )
                        for name, risk in risks.by_learner.items()
                    ],
                )

    def plot(self) -> Figure:
        """Every bound as a share of the budget; open where it is not proved in the setting."""
        from verigap.figures.results import draw_calculation

        return draw_calculation(self)


@dataclass(frozen=True, kw_only=True, eq=False)
class SweepResult(Shown):
    """What a sweep computed.

    Attributes:
      rows: finished cells as the run store keeps them.
      cells: cells of the sweep.
      resumed: of these, finished before the call.
      failures: `cell` and `error` of every cell that failed.
      bounds: names to check that the configuration asks for; None for all.
      out: the run folder, or None where nothing was written.
      warnings: what the store had to repair.
    """

    rows: Sequence[Mapping[str, Any]]
    cells: int
    resumed: int
    failures: tuple[Mapping[str, Any], ...]
    bounds: tuple[str, ...] | None
    out: Path | None
    warnings: tuple[str, ...]

    @cached_property
    def frame(self) -> pl.DataFrame:
        """One row a cell and learner; see `sim.sweeps.frame.cells_by_learners`."""
        return cells_by_learners(self.rows)

    def tables(self) -> Iterable[Table]:
        """The first rows of the frame."""
        frame = self.frame
        done = f"{len(self.rows)} of {self.cells} cells done"
        more = f"; the first {_SHOWN_ROWS} rows" if frame.height > _SHOWN_ROWS else ""
        return [Table(done + more, frame.columns, frame.head(_SHOWN_ROWS).iter_rows())]

    def plot(self) -> Figure:
        """Risk of every learner along the parameter that varies most."""
        from verigap.figures.results import draw_sweep

        return draw_sweep(self.frame)


class CheckResult(RunCheck, Shown):
    """`RunCheck` with `plot()` and a table in a notebook."""

    def tables(self) -> Iterable[Table]:
        """One row a bound."""
        columns = ("bound", "verdict", "cells", "violated", "median ratio", "worst ratio")
        rows = [
            (
                verdict.name,
                _verdict(verdict.cells, verdict.violations),
                verdict.cells,
                verdict.violations,
                verdict.median_ratio,
                verdict.worst_ratio,
            )
            for verdict in (self.bounds.verdicts if self.bounds is not None else ())
        ]
        title = f"Bounds against {len(self.rows)} simulated cells"
        return [Table(f"{title} ({self.completeness.in_words})", columns, rows)]

    def plot(self) -> Figure:
        """Measured over bound, one line of dots a bound."""
        from verigap.figures.results import draw_check

        return draw_check(self)


def _verdict(cells: int, violations: int) -> str:
    if cells == 0:
        return "not applicable"
    return "VIOLATED" if violations else "holds"


class FitResult(Fit, Shown):
    """`Fit` with `plot()` and a table in a notebook."""

    def tables(self) -> Iterable[Table]:
        """One row a budget, one table a group."""
        for group in self.groups:
            counts = group.counts
            yield Table(
                _title(counts.dataset, counts.model),
                ("H", "mean return", "sigma/H", "success"),
                [
                    (
                        budget.horizon,
                        _span(budget.mean_return),
                        _span(budget.sigma_over_h.mean),
                        _span(budget.success),
                    )
                    for budget in group.horizon_fits
                ],
            )

    def plot(self) -> Figure:
        """Heterogeneity and pass@k of every group, with 95 % intervals."""
        from verigap.figures.results import draw_fit

        return draw_fit(self)


class Predictions(tuple[GroupPrediction, ...], Shown):
    """Predictions of every (dataset, model), with `plot()` and a table in a notebook."""

    def tables(self) -> Iterable[Table]:
        """One row a budget and n, one table a group."""
        for group in self:
            yield Table(
                f"{_title(group.dataset, group.model)}: predicted",
                ("H", "n", "cloning below expert", "verifying below expert", "gap"),
                [
                    (
                        cell.horizon,
                        cell.data_budget,
                        _span(cell.suboptimality["vf-mle"]),
                        _span(cell.suboptimality["vb-version-space"]),
                        _span(cell.gap),
                    )
                    for cell in group.cells
                ],
            )

    def plot(self) -> Figure:
        """The predicted gap over n, one line a budget, one panel a group."""
        from verigap.figures.results import draw_gaps

        return draw_gaps([(_title(g.dataset, g.model), g.cells) for g in self], "predicted")


class Measurements(tuple[GroupMeasurement | FinetunedMeasurement, ...], Shown):
    """Measurements of every (dataset, model), with `plot()` and a table in a notebook.

    Attributes:
      seed: seed of the bootstrap behind the intervals.
      warnings: what was found damaged in a run folder.
    """

    seed: int = 0
    warnings: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        groups: Iterable[GroupMeasurement | FinetunedMeasurement],
        seed: int,
        warnings: Iterable[str] = (),
    ) -> Measurements:
        """The groups with the seed of their intervals."""
        made = cls(groups)
        made.seed, made.warnings = seed, tuple(warnings)
        return made

    def _cells(self, group: GroupMeasurement | FinetunedMeasurement) -> Any:
        if isinstance(group, FinetunedMeasurement):
            return group.cells
        return group.cells(seed=self.seed)

    def tables(self) -> Iterable[Table]:
        """One row a budget and n, one table a group."""
        for group in self:
            yield Table(
                f"{_title(group.dataset, group.model)}: measured",
                ("H", "n", "cloning", "verifying", "gap, same leash", "gap, unleashed"),
                [
                    (
                        cell.horizon,
                        cell.data_budget,
                        _span(cell.values["clone"]),
                        _span(cell.values["verify"]),
                        _span(cell.gap),
                        _span(cell.gap_unleashed),
                    )
                    for cell in self._cells(group)
                ],
            )

    def plot(self) -> Figure:
        """The measured gap over n on the same leash, one line a budget, one panel a group."""
        from verigap.figures.results import draw_gaps

        groups = [(_title(g.dataset, g.model), self._cells(g)) for g in self]
        return draw_gaps(groups, "measured")


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
            (_title(group["dataset"], group["model"]), name, table["decision"][group["currency"]])
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


def _title(dataset: str, model: str) -> str:
    return " ".join(part for part in (dataset, model) if part) or "traces"


def _span(value: Statistic) -> str:
    if value.low != value.low:
        return "–" if value.estimate != value.estimate else f"{value.estimate:.4g}"
    return f"{value.estimate:.4g} [{value.low:.4g}, {value.high:.4g}]"
