"""`verigap predict`: parse, call the library, print."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from verigap.cli.options import JsonFlag, numbers, prepare_jax, show_json

if TYPE_CHECKING:
    from verigap.llm_validation.predicting.predict import Options
    from verigap.llm_validation.predicting.prediction import GroupPrediction

CALIBRATED = "calibrated"


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command()(predict)


def predict(
    source: Annotated[
        Path,
        typer.Argument(
            help="Trace table (Parquet, CSV, JSONL), law table (Parquet), or the JSON of "
            "`verigap fit --per-prompt --json`."
        ),
    ],
    budgets: Annotated[
        str | None,
        typer.Option("--budgets", help="Budgets H, with commas. Default: from lengths."),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option("--data", help="Traces to learn from n, with commas. Default: 16 to 1024."),
    ] = None,
    radius: Annotated[
        float, typer.Option("--radius", help="Chi-square leash kappa of expert and learners.")
    ] = 1.0,
    class_size: Annotated[
        str | None,
        typer.Option(
            "--log2-class-size",
            help="Bits d, or 'calibrated' on measured small n (the default for traces).",
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
    seed: Annotated[int, typer.Option("--seed", help="Seed of all randomness.")] = 0,
    as_json: JsonFlag = False,
) -> None:
    """Predict cloning, verifying and their gap over n and H, before any is trained."""
    prepare_jax()
    from verigap.llm_validation.predicting.predict import Options

    size = None
    if class_size not in (None, CALIBRATED):
        (size, *more) = numbers(class_size, "--log2-class-size", float)
        if more:
            raise ValueError("--log2-class-size: give one number, or 'calibrated'")
    options = Options(
        radius=radius,
        candidates=candidates,
        log2_class_size=size,
        false_positive=false_positive,
        false_negative=false_negative,
        estimate_errors=estimate_errors,
        seed=seed,
    )
    found = _predictions(
        source,
        None if budgets is None else numbers(budgets, "--budgets", int),
        None if data is None else numbers(data, "--data", int),
        options,
        quiet=as_json,
    )
    if as_json:
        from verigap.llm_validation.predicting.content import as_content

        show_json(as_content(found))
    else:
        from verigap.cli.tables.predict import show_predictions

        show_predictions(found)


def _predictions(
    source: Path,
    budgets: tuple[int, ...] | None,
    data: tuple[int, ...] | None,
    options: Options,
    *,
    quiet: bool,
) -> tuple[GroupPrediction, ...]:
    from verigap.cli.progress import ProgressBar
    from verigap.llm_validation.predicting.group_laws import read_laws
    from verigap.llm_validation.predicting.predict import predict, predict_laws
    from verigap.llm_validation.traces import read_traces

    laws = read_laws(source, budgets)
    if laws is not None:
        return predict_laws(laws, data, options)
    traces = read_traces(source)
    with ProgressBar("predict", quiet=quiet) as report:
        return predict(traces, budgets, data, options, report=report)
