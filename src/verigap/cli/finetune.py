"""`verigap finetune`: parse, call the library, print."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from verigap.cli.options import JsonFlag, command_line, numbers, prepare_jax, show_json
from verigap.cli.progress import LateBar, duration

if TYPE_CHECKING:
    from verigap.llm_validation.finetuning.options import FinetuneProgress

_LINE_SECONDS = 60.0


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command()(finetune)


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
    as_json: JsonFlag = False,
) -> None:
    """Fine-tune clones of a sampled model, fit verifier heads, and measure the gap."""
    prepare_jax()
    from verigap.llm_validation.finetuning.base import sampling_of, task_of
    from verigap.llm_validation.finetuning.cloning import Recipe
    from verigap.llm_validation.finetuning.finetune import finetune as run
    from verigap.llm_validation.finetuning.options import FinetuneOptions
    from verigap.llm_validation.measuring.content import as_content
    from verigap.llm_validation.sampling.engine import ModelSpec
    from verigap.llm_validation.sampling.transformers_engine import TransformersEngine
    from verigap.llm_validation.traces import read_traces

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
    table = read_traces(traces)
    sampling = sampling_of(table)
    problems = task_of(sampling, task)
    engine = TransformersEngine.load(ModelSpec(model, sampling["dtype"]))
    with _Bar(quiet=as_json) as bar:
        found = run(engine, table, problems, options, out, command_line(), bar)
    if as_json:
        show_json(as_content([found], seed))
    else:
        from verigap.cli.tables.measure import show_measurements

        show_measurements([found], seed)


class _Bar(LateBar):
    """Share of the work done and the time left: a bar, or a line a minute where none can be."""

    def __init__(self, quiet: bool) -> None:
        from rich.console import Console

        self.console = Console(stderr=True)
        if self.console.is_terminal:
            super().__init__("finetune", quiet, redraw=0.5)
        else:
            super().__init__("finetune", quiet, redraw=_LINE_SECONDS, patience=_LINE_SECONDS)

    def columns(self) -> tuple[Any, ...]:
        from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn

        return (
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[doing]}, elapsed"),
            TimeElapsedColumn(),
            TextColumn("left {task.fields[left]}"),
        )

    def __call__(self, progress: FinetuneProgress) -> None:
        if not self.due():
            return
        left = "?" if progress.eta is None else duration(progress.eta)
        if self.console.is_terminal:
            self.draw(self.console, progress.done, progress.total, doing=progress.doing, left=left)
        else:
            share = progress.done / max(progress.total, 1)
            typer.echo(f"finetune: {share:.0%}, {progress.doing}, {left} left", err=True)
