"""The command that samples a language model: parse, call the library, print."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from verigap.cli.help_pages import SAMPLES, page
from verigap.cli.options import SHORT, QuietFlag, RayAddress, command_line, numbers
from verigap.cli.output import say
from verigap.cli.progress import PATIENCE_SECONDS, ProgressBar

if TYPE_CHECKING:
    from verigap.llm_validation.sampling.engine import Engine
    from verigap.llm_validation.sampling.ray_engines import RayEngines
    from verigap.llm_validation.sampling.report import SampleReport
    from verigap.storage.progress import Progress


def register(app: typer.Typer) -> None:
    """Add this command to the command line."""
    app.command(
        "sample",
        **page(
            SAMPLES,
            "verigap sample --model M.gguf --task rg:gcd --max-tokens 64 --out T.parquet",
        ),
    )(sample)


def sample(
    model: Annotated[
        str, typer.Option("--model", help="GGUF file, folder with safetensors, or hub id.")
    ],
    task: Annotated[
        str, typer.Option("--task", help="rg:NAME (a reasoning-gym dataset) or jsonl:FILE.")
    ],
    max_tokens: Annotated[int, typer.Option("--max-tokens", help="Token budget H of a sample.")],
    out: Annotated[Path, typer.Option("--out", help="Trace table to write (Parquet).")],
    engine: Annotated[
        str, typer.Option("--engine", help="What runs the model: transformers or vllm.")
    ] = "transformers",
    prompts: Annotated[int, typer.Option("--prompts", help="Problems.")] = 64,
    samples: Annotated[int, typer.Option("--samples", help="Samples of each problem.")] = 64,
    temperature: Annotated[
        float, typer.Option("--temperature", help="1: the model's own law. 0: likeliest token.")
    ] = 1.0,
    seed: Annotated[int, typer.Option("--seed", help="Seed of problems and draws.")] = 0,
    batch_size: Annotated[
        int, typer.Option("--batch-size", help="Samples made, and stored, at a time.")
    ] = 64,
    dtype: Annotated[
        str, typer.Option("--dtype", help="bfloat16, float16 or float32.")
    ] = "bfloat16",
    style: Annotated[
        str | None,
        typer.Option(
            "--style",
            help="Asked for after a question: plain, step-by-step or boxed. Default: the task's.",
        ),
    ] = None,
    shots: Annotated[
        int, typer.Option("--shots", help="Solved examples before each question.")
    ] = 0,
    task_config: Annotated[
        str | None,
        typer.Option("--task-config", help="rg: parameters of the dataset, a JSON object."),
    ] = None,
    first_correct: Annotated[
        str,
        typer.Option(
            "--first-correct", help="How first_correct is found: first-mention or forced-answer."
        ),
    ] = "first-mention",
    grid: Annotated[
        str | None,
        typer.Option("--grid", help="forced-answer: prefix lengths. Default: eighths of H."),
    ] = None,
    workers: Annotated[int, typer.Option("--workers", help="Grading processes.")] = 2,
    timeout: Annotated[
        float, typer.Option("--timeout", help="Seconds to grade an answer; then: unverified.")
    ] = 10.0,
    on: Annotated[
        str, typer.Option("--on", help="Where the model runs: local, or ray (several engines).")
    ] = "local",
    address: RayAddress = None,
    engines: Annotated[
        int | None,
        typer.Option("--engines", help="ray: engines. Default: as many as there is room for."),
    ] = None,
    cpus_per_engine: Annotated[
        int | None, typer.Option("--cpus-per-engine", help="ray: CPUs of an engine. Default: 1.")
    ] = None,
    gpus_per_engine: Annotated[
        float | None,
        typer.Option("--gpus-per-engine", help="ray: GPUs of an engine, perhaps 0.5. Default: 0."),
    ] = None,
    quiet: QuietFlag = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
) -> None:
    """Sample traces from a language model; the same command continues an interrupted run."""
    from verigap.cli.task_text import parse_task
    from verigap.llm_validation.sampling.engine import ModelSpec
    from verigap.llm_validation.sampling.loading import ENGINES, load_engine
    from verigap.llm_validation.sampling.options import SampleOptions
    from verigap.llm_validation.sampling.ray_engines import BatchError
    from verigap.llm_validation.sampling.sample import check_out, sample_traces
    from verigap.llm_validation.tasks import load_task
    from verigap.llm_validation.tasks.task import TaskOptions

    # What is cheap to refuse comes before the model.
    check_out(out)
    if engine not in ENGINES:
        raise ValueError(f"--engine: unknown {engine!r}; use {' or '.join(ENGINES)}")
    on_ray = _on_ray(
        on,
        partial(load_engine, engine, ModelSpec(_absolute(model), dtype)),
        address=address,
        engines=engines,
        cpus_per_engine=cpus_per_engine,
        gpus_per_engine=gpus_per_engine,
    )
    if prompts < 1:
        raise ValueError(f"--prompts: expected at least 1, not {prompts}")
    options = SampleOptions(
        samples=samples,
        max_tokens=max_tokens,
        temperature=temperature,
        seed=seed,
        batch_size=batch_size,
        first_correct=first_correct,
        grid=None if grid is None else numbers(grid, "--grid", int),
        workers=workers,
        timeout=timeout,
    )
    wanted = TaskOptions(style=style, shots=shots, config=_object(task_config))
    problems = load_task(parse_task(task), prompts, seed, wanted)
    loaded = on_ray or load_engine(engine, ModelSpec(model, dtype))
    try:
        with ProgressBar(
            "sample",
            quiet=quiet or as_json,
            detail=_speed,
            estimated=True,
            lines=True,
            redraw=0.5,
            patience=PATIENCE_SECONDS,
        ) as bar:
            report = sample_traces(loaded, problems, options, out, command_line(), bar)
    except BatchError as error:
        say(f"verigap: {error}", err=True)
        raise typer.Exit(SHORT) from None
    for warning in report.warnings:
        say(f"verigap: warning: {warning}", err=True)
    if as_json:
        from dataclasses import asdict

        say(json.dumps({"out": str(out), **asdict(report)}, indent=2, allow_nan=False))
        return
    _show(report, out, first_correct)


def _on_ray(on: str, load: Callable[[], Engine], **options: Any) -> RayEngines | None:
    """The engines on Ray that are asked for; None where the model runs here."""
    from verigap.llm_validation.sampling.ray_engines import RayEngines

    given = {name: value for name, value in options.items() if value is not None}
    if on == "ray":
        return RayEngines(load=load, **given)
    if on != "local":
        raise ValueError(f"--on: unknown {on!r}; use local or ray")
    if given:
        raise ValueError(f"{next(iter(given))}: of use where --on is ray; drop it, or add that")
    return None


def _absolute(model: str) -> str:
    """A model as processes find it that run in other folders."""
    path = Path(model).expanduser()
    return str(path.absolute()) if path.exists() else model


def _object(text: str | None) -> dict[str, Any]:
    try:
        found = json.loads(text or "{}")
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise ValueError(f"--task-config: expected a JSON object, not {text!r}")
    return found


def _show(report: SampleReport, out: Path, first_correct: str) -> None:
    speed = (
        "nothing was left to do"
        if report.tokens_per_second is None
        else f"{report.tokens_per_second:.1f} tokens/s"
    )
    before = f"; {report.resumed:,} samples from before" if report.resumed else ""
    say(
        f"{out}: {report.samples:,} samples of {report.prompts:,} prompts, "
        f"{report.tokens:,} tokens ({speed}{before})"
    )
    spread = ""
    if report.mean_correct is not None:
        spread = f", {report.mean_correct:.1%} a prompt"
        if report.sd_correct is not None:
            spread += f" (sd {report.sd_correct:.1%})"
    say(f"  correct at some point, by {first_correct}: {report.correct:,}{spread}")
    lost = ""
    if report.unhappened is not None and report.correct:
        share = report.unhappened / report.correct
        lost = f"; found incorrect again after being correct: {report.unhappened:,} ({share:.1%})"
    say(f"  correct at the end: {report.correct_at_end:,}{lost}")
    if report.first_correct is not None:
        tenth, half, rest = report.first_correct
        say(f"  first correct token, 10/50/90 % quantiles: {tenth:.0f}/{half:.0f}/{rest:.0f}")
    if report.finished is not None:
        say(f"  ended by the model within the budget: {report.finished:,}")
    if report.unverified or report.timeouts:
        say(
            f"  could not be verified: {report.unverified:,} samples; "
            f"gradings killed for time: {report.timeouts:,}"
        )


def _speed(progress: Progress) -> str:
    return f"samples, {progress.rate or 0.0:.1f} tokens/s"
