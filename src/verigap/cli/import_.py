"""Commands about real samples: parse, call the library, print."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from verigap.cli.help_pages import SAMPLES, page
from verigap.cli.options import SHORT, QuietFlag, RayAddress
from verigap.cli.output import say
from verigap.cli.progress import PATIENCE_SECONDS, ProgressBar


def register(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    app.command(
        "import", **page(SAMPLES, "verigap import logs/lm_eval.jsonl --out traces.parquet")
    )(import_)


def import_(
    arguments: Annotated[
        list[str],
        typer.Argument(
            metavar="[FORMAT] FILE...",
            help="Files to import, plain or compressed. Their format is recognised by what is in "
            "them, unless its name goes first (docs/importing.md lists them).",
        ),
    ],
    out: Annotated[Path, typer.Option("--out", help="Trace table to write (Parquet).")],
    columns: Annotated[
        list[str] | None,
        typer.Option(
            "--map", metavar="OURS=THEIRS", help="table: which column is which; may be repeated."
        ),
    ] = None,
    answers: Annotated[
        Path | None,
        typer.Option("--answers", help="Batches: right answers by custom_id (CSV, JSONL)."),
    ] = None,
    filter_: Annotated[
        str | None, typer.Option("--filter", help="lm-eval: filter that counts. Default: first.")
    ] = None,
    metric: Annotated[
        str | None,
        typer.Option("--metric", help="Metric that decides correctness, where there are several."),
    ] = None,
    scorer: Annotated[
        str | None,
        typer.Option("--scorer", help="inspect: scorer (or NAME.KEY) that decides correctness."),
    ] = None,
    correct_above: Annotated[
        float | None,
        typer.Option("--correct-above", help="Scores above this are correct, all others are not."),
    ] = None,
    missing: Annotated[
        str,
        typer.Option("--missing", help="What a reply without an answer is: incorrect or ungraded."),
    ] = "incorrect",
    score: Annotated[
        str | None,
        typer.Option(
            "--score", help="search-and-learn: verifier score of a trace's steps: last, min, prod."
        ),
    ] = None,
    dataset: Annotated[
        str | None, typer.Option("--dataset", help="Name to give the data set.")
    ] = None,
    model: Annotated[str | None, typer.Option("--model", help="Name to give the model.")] = None,
    tokenizer: Annotated[
        Path | None,
        typer.Option("--tokenizer", help="tokenizer.json that counts where the source does not."),
    ] = None,
    unit: Annotated[
        str | None,
        typer.Option(
            "--unit", help="tokens, words or characters. Default: tokens if known, else words."
        ),
    ] = None,
    explode: Annotated[
        bool, typer.Option("--explode", help="table: rows hold lists, one entry a sample.")
    ] = False,
    pool_runs: Annotated[
        bool,
        typer.Option("--pool-runs", help="Files are runs of the same prompts: number samples on."),
    ] = False,
    on_error: Annotated[
        str, typer.Option("--on-error", help="At an unreadable record: stop, or skip and count.")
    ] = "stop",
    drop_text: Annotated[
        bool, typer.Option("--drop-text", help="Leave the text of the samples out of the table.")
    ] = False,
    engine: Annotated[
        str,
        typer.Option(
            "--engine",
            help="Where records are graded: local or ray (a cluster: --engine ray --address auto).",
        ),
    ] = "local",
    address: RayAddress = None,
    quiet: QuietFlag = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
) -> None:
    """Turn sample logs of other tools into a trace table."""
    from verigap.engines.choice import is_ray
    from verigap.llm_validation.importers import (
        FORMATS,
        BlockError,
        ImportOptions,
        RayReaders,
        choose_format,
        import_traces,
    )

    asked, files = _format_and_files(arguments, FORMATS)
    if on_error not in ("stop", "skip"):
        raise ValueError(f"--on-error: unknown {on_error!r}; use stop or skip")
    options = ImportOptions(
        mapping=_mapping(columns or []),
        answers=answers,
        filter=filter_,
        metric=metric,
        scorer=scorer,
        correct_above=correct_above,
        missing=missing,
        score=score,
        dataset=dataset,
        model=model,
        tokenizer=tokenizer,
        unit=unit,
        explode=explode,
        pool_runs=pool_runs,
        skip_bad=on_error == "skip",
        keep_text=not drop_text,
    )
    if asked is None and options.mapping:
        asked = "table"
    readers = RayReaders(address=address) if is_ray(engine, address) else None
    form = choose_format(asked, files)
    try:
        with ProgressBar(
            f"import {form}",
            quiet=quiet or as_json,
            amount="bytes",
            detail=lambda progress: f"{progress.produced:,} samples",
            redraw=0.2,
            patience=PATIENCE_SECONDS,
        ) as bar:
            report = import_traces(FORMATS[form], files, out, options, bar, readers)
    except BlockError as error:
        say(f"verigap: {error}", err=True)
        raise typer.Exit(SHORT) from None
    if as_json:
        from dataclasses import asdict

        say(
            json.dumps(
                {"out": str(out), "format": form, **asdict(report)}, indent=2, allow_nan=False
            )
        )
        return
    from verigap.cli.tables.imported import show_import

    if asked is None:
        say(f"format {form}: {FORMATS[form].about}")
    show_import(report, out)


def _format_and_files(
    arguments: list[str], formats: Iterable[str]
) -> tuple[str | None, list[Path]]:
    """The format, if its name goes first, and the files."""
    first, *others = arguments
    if first in formats:
        if not others:
            raise ValueError(f"{first}: give the files to import after the format")
        return first, list(map(Path, others))
    if not Path(first).exists() and "." not in first and "/" not in first:
        raise ValueError(f"{first}: unknown format; use one of {', '.join(formats)}, or give files")
    return None, list(map(Path, arguments))


def _mapping(columns: list[str]) -> dict[str, str]:
    mapping: dict[str, str] = {}
    for entry in columns:
        ours, equals, theirs = entry.partition("=")
        if not (ours and equals and theirs) or ours in mapping:
            raise ValueError(f"--map: expected OURS=THEIRS, each column once, not {entry!r}")
        mapping[ours] = theirs
    return mapping
