"""Everything that is checked about a run: bounds, exponents, trained networks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from verigap.sim.checks.check import Report, check
from verigap.sim.checks.exponents import Exponent, exponents
from verigap.sim.checks.values import Row
from verigap.sim.planted.measured import TrainedReport, check_trained, is_trained
from verigap.sim.planted.methods.compared import MethodsSetting, compare_settings, is_compared
from verigap.storage.completeness import Completeness


@dataclass(frozen=True, kw_only=True, eq=False)
class RunCheck:
    """What a run says about the bounds.

    Attributes:
      rows: the simulated cells.
      trainings: how many cells are trainings.
      bounds: verdicts and the tests behind them; None where every cell is a training.
      exponents: fitted powers of the horizon.
      trained: measured values of trained networks; None where there are none.
      methods: settings in which methods were compared; they count as trainings.
      completeness: how many of the cells of the run that is.
      partial: whether a part of the run is enough.
      warnings: what was found damaged in the run folder.
    """

    rows: tuple[Row, ...]
    trainings: int
    bounds: Report | None
    exponents: tuple[Exponent, ...]
    trained: TrainedReport | None
    methods: tuple[MethodsSetting, ...]
    completeness: Completeness
    partial: bool = False
    warnings: tuple[str, ...] = ()

    @property
    def cells(self) -> int:
        """Cells of the run, simulated and trained."""
        return len(self.rows) + self.trainings

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong with the cells, and they are all there or need not be."""
        return self.holds and (self.partial or self.completeness.complete)

    @property
    def holds(self) -> bool:
        """Whether no bound is violated and no network is under-trained, in the cells there are."""
        networks = self.trained.points if self.trained is not None else ()
        return (self.bounds is None or self.bounds.ok) and not any(
            point.under_training for point in networks
        )


def check_rows(
    rows: Sequence[Row],
    names: Iterable[str] | None = None,
    warnings: Sequence[str] = (),
    *,
    completeness: Completeness | None = None,
    partial: bool = False,
) -> RunCheck:
    """Test bounds in simulated cells, and measure the trained ones.

    Args:
      rows: cells of a run, at least one.
      names: bounds or controls; every true bound by default.
      warnings: passed on.
      completeness: how many of the cells of the run these are; all of them by default.
      partial: whether a part of them is enough.
    """
    trained = [row for row in rows if is_trained(row)]
    compared = [row for row in rows if is_compared(row)]
    simulated = [row for row in rows if not (is_trained(row) or is_compared(row))]
    return RunCheck(
        rows=tuple(simulated),
        trainings=len(trained) + len(compared),
        bounds=check(simulated, names) if simulated else None,
        exponents=tuple(exponents(simulated)),
        trained=check_trained(trained) if trained else None,
        methods=compare_settings(compared),
        completeness=completeness or Completeness(stored=len(rows), expected=len(rows)),
        partial=partial,
        warnings=tuple(warnings),
    )
