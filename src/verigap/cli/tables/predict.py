"""How a prediction looks in a terminal."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.console import Console

from verigap.cli.tables.common import open_console, plain_table, table_number
from verigap.cli.tables.fit import plain, show_group
from verigap.llm_validation.intervals import Statistic
from verigap.llm_validation.predicting.prediction import GroupPrediction


def show_predictions(predictions: Sequence[GroupPrediction]) -> None:
    """Compact tables of every group; --json has the rest."""
    console = open_console()
    for prediction in predictions:
        _show(console, prediction)


def _line(console: Console, text: str) -> None:
    console.print(text, highlight=False, markup=False)


def _show(console: Console, each: GroupPrediction) -> None:
    show_group(console, each.dataset, each.model, f"values in {each.unit.of_correct_trace}")
    _line(
        console,
        f"{each.prompts} prompts; kappa = {each.chi2_radius:g}, N = {each.num_candidates}, d = "
        f"{_short(each.log2_class_size)} bits ({each.class_size_source})",
    )
    if each.false_positive or each.false_negative:
        _line(
            console,
            f"the check accepts {table_number(each.false_positive)} of wrong and rejects "
            f"{table_number(each.false_negative)} of right traces",
        )
    for warning in each.warnings:
        _line(console, f"warning: {warning}")
    # There was something to choose between, and a slice to choose by.
    compared = not math.isnan(each.chosen_probability)
    for name, cells in each.cells.items():
        heads = ["H", "n", "expert-clone", "expert-tilt", "expert-bestN", "gap, same leash"]
        shown, title = cells, f"Predictor: {name}"
        if name == each.chosen and compared:
            shown = each.chosen_cells
            title += ", which fits the small-n slice better"
        table = plain_table(title, *heads)
        for cell in shown:
            table.add_row(
                f"{cell.horizon}{'*' if cell.extrapolated else ''}",
                str(cell.data_budget),
                *(
                    _digits(cell.suboptimality[learner].estimate)
                    for learner in ("vf-mle", "vb-version-space", "vb-best-of-n")
                ),
                plain(_short(cell.gap)),
            )
        console.print(table, highlight=False)
    if compared:
        _line(
            console,
            f"{each.chosen} fits better in {100 * each.chosen_probability:.3g} % of the resampled "
            "slices; its intervals and the crossovers are over both, each as often as it fits",
        )
    if any(cell.extrapolated for cell in each.chosen_cells):
        _line(console, "* beyond the longest trace")
    for horizon, crossing in each.crossover_data_budget.items():
        _line(console, f"n*({horizon}): {_crossing(crossing, 'cloning catches up nowhere here')}")
    for n, crossing in each.crossover_horizon.items():
        _line(console, f"H*({n}): {_crossing(crossing, 'verifying begins to pay nowhere here')}")
    console.print()


def _short(value: Statistic) -> str:
    """Three digits tell enough of a prediction."""
    estimate, low, high = map(_digits, value)
    return estimate if value.low != value.low else f"{estimate} [{low}, {high}]"


def _digits(value: float) -> str:
    # Rounding leaves a little where nothing is lost.
    return "0" if abs(value) < 1e-6 else f"{value:.3g}"


def _crossing(crossing: Statistic | None, nowhere: str) -> str:
    return nowhere if crossing is None else _short(crossing)
