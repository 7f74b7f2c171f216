"""How a fit looks in a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from verigap.cli.tables.common import (
    chosen_line,
    group_name,
    open_console,
    plain_table,
    table_number,
)
from verigap.llm_validation.fitting.fit import Fit, GroupFit
from verigap.llm_validation.reporting.numbers import spanned


def show_fit(fit: Fit) -> None:
    """Compact tables of every group; --json has the rest."""
    console = open_console()
    console.print("Estimates [95 % interval over prompts]\n", highlight=False, markup=False)
    for group in fit.groups:
        _show_group(console, group, fit.grids.c0)
    for dataset, model, samples in fit.left_out:
        console.print(
            f"left out: {group_name(dataset, model)}: none of {samples} samples could be verified",
            highlight=False,
            markup=False,
        )


def show_group(console: Console, dataset: str, model: str, counted: str) -> None:
    """The heading of a group, which says in what its numbers are."""
    name = group_name(dataset, model)
    console.print(Text.assemble((name, "bold"), f" ({counted})"), highlight=False)


def _show_group(console: Console, group: GroupFit, c0: float) -> None:
    counts, unit = group.counts, group.counts.unit
    unverified = int(counts.unverified.sum()) + counts.left_out_samples
    head = f"{counts.prompts} prompts, {int(counts.samples.sum())} verified samples"
    if unverified:
        head += f", {unverified} unverified ({counts.left_out} prompts left out)"
    show_group(console, counts.dataset, counts.model, f"returns and budgets in {unit}")
    console.print(
        f"{head}; mean correct over prompts {spanned(group.mean_correct, table_number)}; mean "
        f"first-correct {unit.singular} {spanned(group.mean_first_correct, table_number)}",
        highlight=False,
        markup=False,
    )
    if group.horizons_chosen is not None and group.horizon_fits:
        console.print(chosen_line(group.horizons_chosen), highlight=False, markup=False)
    for warning in group.warnings:
        console.print(f"warning: {warning}", highlight=False, markup=False)
    lost = counts.bi_level.lost
    at_end = ("correct at the end",) if lost else ()
    laws = [law.name for law in group.success_laws]
    table = plain_table("", "pass@k", "estimate", *laws, *at_end)
    powers = {2**exponent for exponent in range(40)}
    for k, row in sorted(group.pass_at_k.items()):
        value = plain(spanned(row.value, table_number))
        if row.extrapolated:
            models = [table_number(model.estimate) for model in row.models.values()]
            table.add_row(f"{k} (beyond)", value, *models)
        elif k in powers or k == group.measured_k:
            ending = (table_number(lost.pass_at_k[k][1]),) if lost else ()
            table.add_row(str(k), value, *([""] * len(laws)), *ending)
    console.print(table, highlight=False)
    table = plain_table(
        "",
        "H",
        "mean return",
        "sigma/H",
        "naive",
        "median",
        f"H / mean {unit.singular}",
        "fit",
    )
    for budget in group.horizon_fits:
        sigma = budget.sigma_over_h
        best = [family for family in budget.families if family.name != "empirical"]
        word = min(best, key=lambda family: family.log_loss).name if best else "-"
        table.add_row(
            str(budget.horizon),
            plain(spanned(budget.mean_return, table_number)),
            plain(spanned(sigma.mean, table_number)),
            table_number(sigma.naive),
            plain(spanned(sigma.quantiles[0.5], table_number)),
            table_number(budget.relative_horizon.estimate),
            word,
        )
    console.print(table, highlight=False)
    table = plain_table("", "H", "coverage", "at", "mean over prompts", f"share >= {c0:g}")
    for budget in group.horizon_fits:
        named = (("c(epsilon)", budget.anticoncentration), ("c*(kappa)", budget.reachable))
        for name, rows in named:
            for row in rows:
                table.add_row(
                    str(budget.horizon),
                    name,
                    f"{row.at:g}",
                    plain(spanned(row.mean, table_number)),
                    plain(spanned(row.share, table_number)),
                )
    console.print(table, highlight=False)
    console.print()


def plain(text: str) -> str:
    """Text whose brackets rich leaves alone."""
    return text.replace("[", r"\[")
