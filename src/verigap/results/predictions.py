"""Predicted gaps, drawn and tabled."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from verigap.llm_validation.predicting.prediction import GroupPrediction
from verigap.notebook import Table
from verigap.results.shown import Shown, group_title, spanned_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Predictions(tuple[GroupPrediction, ...], Shown):
    """Predictions of every (dataset, model), with `plot()` and a table in a notebook."""

    def tables(self) -> Iterable[Table]:
        """One row a budget and n, one table a group."""
        for group in self:
            yield Table(
                f"{group_title(group.dataset, group.model)}: predicted",
                ("H", "n", "cloning below expert", "verifying below expert", "gap"),
                [
                    (
                        cell.horizon,
                        cell.data_budget,
                        spanned_text(cell.suboptimality["vf-mle"]),
                        spanned_text(cell.suboptimality["vb-version-space"]),
                        spanned_text(cell.gap),
                    )
                    for cell in group.cells
                ],
            )

    def plot(self) -> Figure:
        """The predicted gap over n, one line a budget, one panel a group."""
        from verigap.figures.results import draw_gaps

        return draw_gaps([(group_title(g.dataset, g.model), g.cells) for g in self], "predicted")
