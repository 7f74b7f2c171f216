"""`verigap finetune`: parse, call the library, print."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from verigap.cli.help_pages import SAMPLES, page
from verigap.cli.options import JsonFlag, QuietFlag, command_line, numbers, prepare_jax, show_json
from verigap.cli.progress import PATIENCE_SECONDS, ProgressBar


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command(**page(SAMPLES, "verigap finetune TRACES --model MODEL.gguf --out runs/finetuned"))(
        finetune
    )


def finetune(
    traces: Annotated[Path, typer.Argument(help="Trace table of `verigap sample`.")],
    model: Annotated[str, typer.Option("--model", help="The model that it was sampled from.")],
    out: Annotated[Path, typer.Option("--out", help="Run folder to write or continue.")],
    task: Annotated[
        str | None,
        typer.Option("--task", help="jsonl:FILE, where the table's task came from a file."),
    ] = None,
    n: Annotated[str, typer.Option("--n", help="Training traces n, with commas.")] = "64,256",
    repetitions: Annotated[
        int, typer.Option("--repetitions", help="Splits and training data; pairs swap halves.")
    ] = 2,
    samples: Annotated[
        int, typer.Option("--samples", help="Of each held-out prompt by each clone.")
    ] = 32,
    candidates: Annotated[int, typer.Option("--candidates", help="N of best-of-N and votes.")] = 8,
    kappa: Annotated[
        float, typer.Option("--kappa", help="Chi-square leash of both policies.")
    ] = 1.0,
    epochs: Annotated[int, typer.Option("--epochs", help="Of fine-tuning.")] = 2,
    learning_rate: Annotated[
        float, typer.Option("--learning-rate", help="Of fine-tuning, at its highest.")
    ] = 1e-4,
    train_batch_size: Annotated[
        int, typer.Option("--train-batch-size", help="Demonstrations a step.")
    ] = 16,
    batch_size: Annotated[
        int, typer.Option("--batch-size", help="Traces sampled at a time.")
    ] = 128,
    seed: Annotated[int, typer.Option("--seed", help="Seed of all randomness.")] = 0,
    quiet: QuietFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """Fine-tune clones of a sampled model, fit verifier heads, and measure the gap."""
    prepare_jax()
    from verigap.cli.task_text import parse_task
    from verigap.llm_validation.finetuning.base import sampling_of, task_of
    from verigap.llm_validation.finetuning.cloning import Recipe
    from verigap.llm_validation.finetuning.finetune import finetune as run
    from verigap.llm_validation.finetuning.options import FinetuneOptions
    from verigap.llm_validation.measuring.content import as_content
    from verigap.llm_validation.sampling.engine import ModelSpec
    from verigap.llm_validation.sampling.transformers_engine import TransformersEngine
    from verigap.llm_validation.traces import load_traces

    # What is cheap to refuse comes before the model.
    options = FinetuneOptions(
        numbers(n, "--n", int),
        repetitions,
        samples,
        candidates,
        kappa,
        Recipe(epochs, learning_rate, train_batch_size),
        batch_size,
        seed,
    )
    table = load_traces(traces)
    sampling = sampling_of(table)
    problems = task_of(sampling, parse_task(task or sampling["task"]))
    engine = TransformersEngine.load(ModelSpec(model, sampling["dtype"]))
    with ProgressBar(
        "finetune",
        quiet=quiet or as_json,
        amount="share",
        detail=lambda progress: progress.doing,
        estimated=True,
        lines=True,
        redraw=0.5,
        patience=PATIENCE_SECONDS,
    ) as bar:
        found = run(engine, table, problems, options, out, command_line(), bar)
    if as_json:
        show_json(as_content([found], seed))
    else:
        from verigap.cli.tables.measure import show_measurements

        show_measurements([found], seed)
