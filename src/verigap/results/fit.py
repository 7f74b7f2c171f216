"""Statistics of traces, drawn and tabled."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from verigap.llm_validation.fitting.fit import Fit
from verigap.notebook import Table
from verigap.results.shown import Shown, group_title, spanned_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class FitResult(Fit, Shown):
    """`Fit` with `plot()` and a table in a notebook."""

    def tables(self) -> Iterable[Table]:
        """One row a budget, one table a group."""
        for group in self.groups:
            counts = group.counts
            yield Table(
                group_title(counts.dataset, counts.model),
                ("H", "mean return", "sigma/H", "success"),
                [
                    (
                        budget.horizon,
                        spanned_text(budget.mean_return),
                        spanned_text(budget.sigma_over_h.mean),
                        spanned_text(budget.success),
                    )
                    for budget in group.horizon_fits
                ],
            )

    def plot(self) -> Figure:
        """Heterogeneity and pass@k of every group, with 95 % intervals."""
        from verigap.figures.results import draw_fit

        return draw_fit(self)
