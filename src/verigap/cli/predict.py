"""`verigap predict`: parse, call the library, print."""

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
from verigap.cli.samples import (
    DataBudgetsOption,
    HorizonsOption,
    KappaOption,
    MostPromptsOption,
    SeedOption,
    horizons_and_data_budgets,
    read_unless_laws,
)


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command(**page(SAMPLES, "verigap predict examples/smollm2_products.parquet --n 64"))(
        predict
    )


def predict(
    source: Annotated[
        list[Path],
        typer.Argument(
            help="Trace table (Parquet, CSV, JSONL), the logs of one tool, as `verigap import` "
            "takes them, law table (Parquet), or the JSON of `verigap fit --per-prompt --json`."
        ),
    ],
    horizon: HorizonsOption = None,
    n: DataBudgetsOption = None,
    leash: LeashOption = Leash.CHI2,
    kappa: KappaOption = None,
    class_size: Annotated[
        float | None,
        typer.Option(
            "--log2-class",
            help="Bits d: play the relabelling game of such a class. Default for traces: predict "
            "from their features.",
        ),
    ] = None,
    candidates: Annotated[int, typer.Option("--candidates", help="N of best-of-N.")] = 8,
    false_positive: Annotated[
        float, typer.Option("--false-positive", help="Share of wrong traces the check accepts.")
    ] = 0.0,
    false_negative: Annotated[
        float, typer.Option("--false-negative", help="Share of right traces it rejects.")
    ] = 0.0,
    estimate_errors: Annotated[
        bool,
        typer.Option(
            "--estimate-errors", help="Estimate both for a learned verifier (needs traces)."
        ),
    ] = False,
    seed: SeedOption = 0,
    most_prompts: MostPromptsOption = 2_000,
    quiet: QuietFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """Predict cloning, verifying and their gap over n and H, before any is trained."""
    prepare_jax()
    horizons, data_budgets = horizons_and_data_budgets(horizon, n)
    import verigap as vg
    from verigap.cli.progress import ProgressBar

    with ProgressBar("predict", quiet=quiet or as_json) as report:
        found = vg.predict(
            read_unless_laws(source),
            horizons,
            data_budgets,
            **radius_of(leash, kappa),
            log2_class_size=class_size,
            num_candidates=candidates,
            false_positive=false_positive,
            false_negative=false_negative,
            estimate_errors=estimate_errors,
            seed=seed,
            most_prompts=most_prompts,
            report=report,
        )
    if as_json:
        from verigap.llm_validation.predicting.content import as_content

        show_json(as_content(found))
    else:
        from verigap.cli.tables.predict import show_predictions

        show_predictions(found)
