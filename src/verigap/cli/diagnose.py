"""`verigap diagnose`: parse, call the library, print."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from verigap.cli.help_pages import SAMPLES, page
from verigap.cli.options import (
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
    SamplesArgument,
    SeedOption,
    horizons_and_data_budgets,
    read,
)


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command(
        **page(SAMPLES, "verigap diagnose examples/smollm2_products.parquet --out diagnosis")
    )(diagnose)


def diagnose(
    traces: SamplesArgument,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Folder of the report. Default: runs/TRACES-diagnosis."),
    ] = None,
    horizon: HorizonsOption = None,
    n: DataBudgetsOption = None,
    candidates: Annotated[
        int, typer.Option("--candidates", help="Samples N a prompt that decisions are about.")
    ] = 8,
    verifier: Annotated[
        str | None,
        typer.Option(
            "--verifier",
            help="The one you have at test time: exact (a 0/1 check), learned, or score (the "
            "table's verifier_score). Default: all but an exact check.",
        ),
    ] = None,
    currency: Annotated[
        str,
        typer.Option("--currency", help="accuracy, or return (tokens of correct trace)."),
    ] = "accuracy",
    worth: Annotated[
        float | None,
        typer.Option(
            "--worth",
            help="Least gain that counts, in points of accuracy (per cent of H for returns). "
            "Default: one, or a tenth of what an exact check adds.",
        ),
    ] = None,
    leash: LeashOption = Leash.KL,
    kappa: KappaOption = None,
    price_per_mtok: Annotated[
        float | None, typer.Option("--price-per-mtok", help="Price of a million sampled tokens.")
    ] = None,
    price_in_per_mtok: Annotated[
        float | None,
        typer.Option(
            "--price-in-per-mtok", help="Price of a million prompt tokens (with --prompt-tokens)."
        ),
    ] = None,
    prompt_tokens: Annotated[
        float | None, typer.Option("--prompt-tokens", help="Mean tokens of a prompt.")
    ] = None,
    gpu_hour: Annotated[
        float | None,
        typer.Option("--gpu-hour", help="Price of a machine hour (with --tokens-per-second)."),
    ] = None,
    tokens_per_second: Annotated[
        float | None, typer.Option("--tokens-per-second", help="Tokens that machine samples.")
    ] = None,
    label_cost: Annotated[
        float | None, typer.Option("--label-cost", help="Price of a label of one trace.")
    ] = None,
    check_cost: Annotated[
        float | None, typer.Option("--check-cost", help="Price of checking one sample.")
    ] = None,
    spend: Annotated[
        float | None,
        typer.Option(
            "--spend", help="Most that a prompt may cost: in money with a price, else in tokens."
        ),
    ] = None,
    include_text: Annotated[
        bool, typer.Option("--include-text", help="Show two samples a prompt with their text.")
    ] = False,
    seed: SeedOption = 0,
    most_prompts: MostPromptsOption = 2_000,
    quiet: QuietFlag = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the JSON of the report as well.")
    ] = False,
) -> None:
    """How to select among N samples, and what to train? One report with both decisions."""
    prepare_jax()
    if worth is not None and not 0 < worth < 100:
        raise ValueError(f"--worth: {worth:g} is out of range; give points above 0 and below 100")
    horizons, data_budgets = horizons_and_data_budgets(horizon, n)
    import verigap as vg
    from verigap.cli.progress import diagnosis_bar
    from verigap.llm_validation.deciding import Prices

    prices = Prices(
        per_mtok=price_per_mtok,
        in_per_mtok=price_in_per_mtok,
        prompt_tokens=prompt_tokens,
        gpu_hour=gpu_hour,
        tokens_per_second=tokens_per_second,
        label_cost=label_cost,
        check_cost=check_cost,
    )
    with diagnosis_bar("diagnose", quiet=quiet or as_json) as report:
        found = vg.diagnose(
            read(traces),
            out or Path("runs") / f"{traces[0].stem}-diagnosis",
            horizons=horizons,
            data_budgets=data_budgets,
            num_candidates=candidates,
            verifier=verifier,
            currency=currency,
            worth=None if worth is None else worth / 100.0,
            **radius_of(leash, 1.0 if kappa is None and leash is Leash.CHI2 else kappa),
            prices=prices,
            spend=spend,
            include_text=include_text,
            seed=seed,
            most_prompts=most_prompts,
            report=report,
        )
    if as_json:
        show_json(found.content)
    else:
        from verigap.cli.tables.diagnose import show_diagnosis

        show_diagnosis(found.content, found.files[0])
