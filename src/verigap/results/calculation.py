"""Bounds and risks of one setting, drawn and tabled."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

from verigap.notebook import Table
from verigap.results.shown import Shown
from verigap.sim.calculator import Calculation
from verigap.sim.relabelling.learners import LEARNERS

if TYPE_CHECKING:
    from matplotlib.figure import Figure


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
                    ("learner", "risk", "standard error", "low", "high", "method"),
                    [
                        (
                            LEARNERS[name].title,
                            risk.value,
                            math.nan if risk.standard_error is None else risk.standard_error,
                            math.nan if risk.low is None else risk.low,
                            math.nan if risk.high is None else risk.high,
                            risk.method,
                        )
                        for name, risk in risks.by_learner.items()
                    ],
                )

    def plot(self) -> Figure:
        """Every bound as a share of the budget; open where it is not proved in the setting."""
        from verigap.figures.results import draw_calculation

        return draw_calculation(self)
