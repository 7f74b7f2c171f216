"""`verigap measure`: parse, call the library, print."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from verigap.cli.options import JsonFlag, numbers, prepare_jax, show_json


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command()(measure)


def measure(
    traces: Annotated[
        Path | None, typer.Argument(help="Trace table: Parquet, CSV or JSONL.")
    ] = None,
    budgets: Annotated[
        str | None,
        typer.Option("--budgets", help="Budgets H, with commas. Default: by length."),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option("--data", help="Training traces n, with commas. Default: 16 to 1024."),
    ] = None,
    candidates: Annotated[
        int | None, typer.Option("--candidates", help="N of best-of-N and votes. Default: 8.")
    ] = None,
    radius: Annotated[
        float, typer.Option("--radius", help="Chi-square leash of both policies.")
    ] = 1.0,
    seeds: Annotated[
        int, typer.Option("--seeds", help="Repetitions: splits and training data.")
    ] = 16,
    seed: Annotated[int, typer.Option("--seed", help="Seed of all randomness.")] = 0,
    finetuned: Annotated[
        Path | None,
        typer.Option("--finetuned", help="Read trained transformers of a run folder instead."),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """What cloning and verifying earn on held-out prompts of sampled traces."""
    prepare_jax()
    from verigap.llm_validation.measuring.content import as_content

    if (traces is None) == (finetuned is None):
        raise ValueError("give a trace table or --finetuned RUN, one of the two")
    if finetuned is not None:
        from verigap.llm_validation.measuring.finetuned_runs import (
            finetuned_model,
            is_finetuned,
        )
        from verigap.llm_validation.measuring.planted_runs import finetuned as read_run
        from verigap.sim.sweeps.stored import stored_cells
        from verigap.storage.run_store import RunStore

        store = RunStore.read_only(finetuned)
        rows = stored_cells(store).to_dicts()
        llm = bool(rows) and is_finetuned(rows[0])
        found = (finetuned_model(rows),) if llm else read_run(rows)
        for warning in store.warnings:
            typer.echo(f"verigap: warning: {warning}", err=True)
    else:
        from verigap.cli.progress import ProgressBar
        from verigap.llm_validation.measuring.measure import measure as measure_traces
        from verigap.llm_validation.traces import read_traces

        assert traces is not None
        with ProgressBar("measure", quiet=as_json) as report:
            found = measure_traces(
                read_traces(traces),
                None if budgets is None else numbers(budgets, "--budgets", int),
                None if data is None else numbers(data, "--data", int),
                candidates,
                radius,
                seeds,
                seed,
                report,
            )
    if as_json:
        show_json(as_content(found, seed))
    else:
        from verigap.cli.tables.measure import show_measurements

        show_measurements(found, seed)
