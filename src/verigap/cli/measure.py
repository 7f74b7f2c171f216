"""`verigap measure`: parse, call the library, print."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from verigap.cli.help_pages import SAMPLES, page
from verigap.cli.options import (
    JsonFlag,
    Leash,
    LeashOption,
    QuietFlag,
    prepare_jax,
    radius_of,
    show_json,
)
from verigap.cli.output import say
from verigap.cli.samples import (
    DataBudgetsOption,
    HorizonsOption,
    KappaOption,
    MostPromptsOption,
    SeedOption,
    horizons_and_data_budgets,
    read,
)


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command(**page(SAMPLES, "verigap measure examples/smollm2_products.parquet --n 64"))(
        measure
    )


def measure(
    traces: Annotated[
        list[Path] | None,
        typer.Argument(help="Trace table, or the logs of one tool, as `verigap import` takes."),
    ] = None,
    horizon: HorizonsOption = None,
    n: DataBudgetsOption = None,
    candidates: Annotated[
        int | None, typer.Option("--candidates", help="N of best-of-N and votes. Default: 8.")
    ] = None,
    leash: LeashOption = Leash.CHI2,
    kappa: KappaOption = None,
    seeds: Annotated[
        int, typer.Option("--seeds", help="Repetitions: splits and training data.")
    ] = 16,
    seed: SeedOption = 0,
    most_prompts: MostPromptsOption = 2_000,
    finetuned: Annotated[
        Path | None,
        typer.Option("--finetuned", help="Read trained transformers of a run folder instead."),
    ] = None,
    quiet: QuietFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """What cloning and verifying earn on held-out prompts of sampled traces."""
    prepare_jax()
    horizons, data_budgets = horizons_and_data_budgets(horizon, n)
    if (traces is None) == (finetuned is None):
        raise ValueError("give a trace table or --finetuned RUN, one of the two")
    source = read(traces) if traces is not None else finetuned
    assert source is not None
    if finetuned is not None and not finetuned.is_dir():
        raise ValueError(f"{finetuned}: no such run folder")
    import verigap as vg
    from verigap.cli.progress import ProgressBar

    with ProgressBar("measure", quiet=quiet or as_json) as report:
        found = vg.measure(
            source,
            horizons,
            data_budgets,
            num_candidates=candidates,
            **radius_of(leash, kappa),
            seeds=seeds,
            seed=seed,
            most_prompts=most_prompts,
            report=report,
        )
    for warning in found.warnings:
        say(f"verigap: warning: {warning}", err=True)
    if as_json:
        from verigap.llm_validation.measuring.content import as_content

        show_json(as_content(found, seed))
    else:
        from verigap.cli.tables.measure import show_measurements

        show_measurements(found, seed)
