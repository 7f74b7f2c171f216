"""How a measurement looks in a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console

from verigap.cli.tables.common import open_console, plain_table, table_number
from verigap.cli.tables.fit import plain, show_group
from verigap.llm_validation.measuring.measurement import POLICIES, GroupMeasurement, MeasuredCell
from verigap.llm_validation.measuring.planted_runs import FinetunedMeasurement
from verigap.llm_validation.reporting.numbers import spanned


def show_measurements(
    groups: Sequence[GroupMeasurement | FinetunedMeasurement], seed: int = 0
) -> None:
    """Two compact tables a group; --json has the intervals of every value."""
    console = open_console()

    def say(text: str) -> None:
        console.print(text, highlight=False, markup=False)

    say("Mean values on held-out prompts; gaps [95 % interval]\n")
    for group in groups:
        show_group(console, group.dataset, group.model, f"values in {group.unit.of_correct_trace}")
        leash = (
            f"best of N = {group.num_candidates}, {group.leash.ball.title} leash "
            f"{group.leash.radius:.4g}{group.leash.ball.unit}"
        )
        if isinstance(group, FinetunedMeasurement):
            say(f"{group.prompts} prompts, {group.trainings} trainings a cell; {leash}")
            cells = group.cells
        else:
            head = f"{len(group.prompt_ids)} prompts, {group.samples} verified samples"
            if group.unverified:
                head += f", {group.unverified} unverified"
            say(f"{head}; {group.expert_share:.0%} of the pools hold a success; {leash}")
            say(f"learners see: {', '.join(group.features) or 'nothing that varies'}")
            cells = group.cells(seed=seed)
        for warning in group.warnings:
            say(f"warning: {warning}")
        _show(console, cells)
        console.print()


def _show(console: Console, cells: Sequence[MeasuredCell]) -> None:
    names = [name for name in POLICIES if name in cells[0].values]
    table = plain_table("", "H", "n", *(name.replace("_", " ") for name in names))
    for cell in cells:
        values = [table_number(cell.values[name].estimate) for name in names]
        table.add_row(_budget(cell), str(cell.data_budget), *values)
    console.print(table, highlight=False)
    table = plain_table("", "H", "n", "gap, same leash", "share of H", "gap, unleashed")
    for cell in cells:
        table.add_row(
            _budget(cell),
            str(cell.data_budget),
            plain(spanned(cell.gap, table_number)),
            table_number(cell.gap.estimate / cell.horizon),
            plain(spanned(cell.gap_unleashed, table_number)),
        )
    console.print(table, highlight=False)


def _budget(cell: MeasuredCell) -> str:
    return f"{cell.horizon} (beyond)" if cell.extrapolated else str(cell.horizon)
