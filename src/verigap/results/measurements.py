"""Measured gaps, drawn and tabled."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from verigap.llm_validation.measuring.measurement import GroupMeasurement
from verigap.llm_validation.measuring.planted_runs import FinetunedMeasurement
from verigap.notebook import Table
from verigap.results.shown import Shown, group_title, spanned_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure


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
                f"{group_title(group.dataset, group.model)}: measured",
                ("H", "n", "cloning", "verifying", "gap, same leash", "gap, unleashed"),
                [
                    (
                        cell.horizon,
                        cell.data_budget,
                        spanned_text(cell.values["clone"]),
                        spanned_text(cell.values["verify"]),
                        spanned_text(cell.gap),
                        spanned_text(cell.gap_unleashed),
                    )
                    for cell in self._cells(group)
                ],
            )

    def plot(self) -> Figure:
        """The measured gap over n on the same leash, one line a budget, one panel a group."""
        from verigap.figures.results import draw_gaps

        groups = [(group_title(g.dataset, g.model), self._cells(g)) for g in self]
        return draw_gaps(groups, "measured")
