"""How a prediction looks in a terminal."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.console import Console

from verigap.cli.tables.common import open_console, plain_table, table_number
from verigap.cli.tables.fit import plain, show_group
from verigap.llm_validation.intervals import Statistic
from verigap.llm_validation.predicting.crossover import Crossover
from verigap.llm_validation.predicting.prediction import RELABELLING, GroupPrediction


def show_predictions(predictions: Sequence[GroupPrediction]) -> None:
    """Compact tables of every group; --json has the rest."""
    console = open_console()
    for prediction in predictions:
        _show(console, prediction)


def _line(console: Console, text: str) -> None:
    console.print(text, highlight=False, markup=False)


def _show(console: Console, each: GroupPrediction) -> None:
    show_group(console, each.dataset, each.model, f"values in {each.unit.of_correct_trace}")
    size = f"d = {_short(each.log2_class_size)} bits ({each.class_size_source})"
    _line(
        console,
        f"{each.prompts} prompts; {each.leash.ball.symbol} = {each.leash.radius:.4g}"
        f"{each.leash.ball.unit}, N = {each.num_candidates}, "
        + (size if each.predictor == RELABELLING else f"bounds at {size}"),
    )
    if each.false_positive or each.false_negative:
        _line(
            console,
            f"the check accepts {table_number(each.false_positive)} of wrong and rejects "
            f"{table_number(each.false_negative)} of right traces",
        )
    for warning in each.warnings:
        _line(console, f"warning: {warning}")
    table = plain_table(
        f"Predictor: {each.predictor}",
        *("H", "n", "expert-clone", "expert-tilt", "expert-bestN", "gap, same leash"),
    )
    for cell in each.cells:
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
    if any(cell.extrapolated for cell in each.cells):
        _line(console, "* beyond the longest trace")
    _show_crossovers(console, each)
    console.print()


def _show_crossovers(console: Console, each: GroupPrediction) -> None:
    """Where cloning catches up, by budget, and where verifying begins to pay, by n."""
    horizons, data_budgets = list(each.crossover_data_budget), list(each.crossover_horizon)
    unit = each.unit
    for horizon, crossover in each.crossover_data_budget.items():
        place = _place(crossover, data_budgets, "traces")
        _line(console, f"n*({horizon}), traces from which cloning has caught up: {place}")
    for n, crossover in each.crossover_horizon.items():
        place = _place(crossover, horizons, unit)
        _line(console, f"H*({n}), {unit} from which verifying pays: {place}")


def _place(crossover: Crossover, grid: Sequence[int], unit: str) -> str:
    """A crossover in words; an end of its interval outside the grid is named as such."""
    least, most = f"{grid[0]:,}", f"{grid[-1]:,}"
    if crossover.at is None:
        return {
            "everywhere": f"everywhere from {least} to {most}",
            "nowhere": f"nowhere from {least} to {most}",
            "unknown": "unknown: the samples do not tell",
        }[crossover.kind]
    estimate, low, high = crossover.at
    if math.isnan(low):
        return f"{_digits(estimate)} {unit}"
    start = f"below {least}" if low == 0 else _digits(low)
    end = f"beyond {most}" if math.isinf(high) else _digits(high)
    return f"{_digits(estimate)} {unit} [{start}, {end}]"


def _short(value: Statistic) -> str:
    """Three digits tell enough of a prediction."""
    estimate, low, high = map(_digits, value)
    return estimate if value.low != value.low else f"{estimate} [{low}, {high}]"


def _digits(value: float) -> str:
    # Rounding leaves a little where nothing is lost.
    return "0" if abs(value) < 1e-6 else f"{value:.3g}"
