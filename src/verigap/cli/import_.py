"""Commands about real samples: parse, call the library, print."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from verigap.cli.progress import PATIENCE_SECONDS, ProgressBar

if TYPE_CHECKING:
    from verigap.llm_validation.importers import ImportReport

_LISTED = 20


def register(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    app.command("import")(import_)


def import_(
    form: Annotated[
        str,
        typer.Argument(
            metavar="FORMAT",
            help="lm-eval, inspect, monkeys, openai-batch, search-and-learn or table.",
        ),
    ],
    files: Annotated[list[Path], typer.Argument(help="Files to import, plain or gzip.")],
    out: Annotated[Path, typer.Option("--out", help="Trace table to write (Parquet).")],
    columns: Annotated[
        list[str] | None,
        typer.Option(
            "--map", metavar="OURS=THEIRS", help="table: which column is which; may be repeated."
        ),
    ] = None,
    answers: Annotated[
        Path | None,
        typer.Option("--answers", help="openai-batch: right answers by custom_id (CSV, JSONL)."),
    ] = None,
    filter_: Annotated[
        str | None, typer.Option("--filter", help="lm-eval: filter that counts. Default: first.")
    ] = None,
    metric: Annotated[
        str | None, typer.Option("--metric", help="lm-eval: metric that decides correctness.")
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
    on_error: Annotated[
        str, typer.Option("--on-error", help="At an unreadable record: stop, or skip and count.")
    ] = "stop",
    drop_text: Annotated[
        bool, typer.Option("--drop-text", help="Leave the text of the samples out of the table.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
) -> None:
    """Turn sample logs of other tools into a trace table."""
    from verigap.llm_validation.importers import FORMATS, ImportOptions, import_traces

    if form not in FORMATS:
        raise ValueError(f"{form}: unknown format; use one of {', '.join(FORMATS)}")
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
        skip_bad=on_error == "skip",
        keep_text=not drop_text,
    )
    with ProgressBar(
        f"import {form}",
        quiet=as_json,
        amount="bytes",
        detail=lambda progress: f"{progress.produced:,} samples",
        redraw=0.2,
        patience=PATIENCE_SECONDS,
    ) as bar:
        report = import_traces(FORMATS[form], files, out, options, bar)
    if as_json:
        from dataclasses import asdict

        typer.echo(json.dumps({"out": str(out), **asdict(report)}, indent=2, allow_nan=False))
        return
    _show(report, out)


def _mapping(columns: list[str]) -> dict[str, str]:
    mapping: dict[str, str] = {}
    for entry in columns:
        ours, equals, theirs = entry.partition("=")
        if not (ours and equals and theirs) or ours in mapping:
            raise ValueError(f"--map: expected OURS=THEIRS, each column once, not {entry!r}")
        mapping[ours] = theirs
    return mapping


def _show(report: ImportReport, out: Path) -> None:
    typer.echo(
        f"{out}: {report.samples} samples of {report.prompts} prompts, lengths in {report.unit}"
    )
    typer.echo(
        f"  {report.correct} correct, {report.incorrect} incorrect, {report.ungraded} ungraded"
    )
    for kind, reasons in (
        ("incorrect", report.incorrect_because),
        ("ungraded", report.ungraded_because),
    ):
        for reason, count in reasons.items():
            typer.echo(f"  {count} {kind}: {_plain(reason)}")
    for name, count in report.decided_by.items():
        typer.echo(f"  correctness decided by {_plain(name)}: {count} samples")
    _show_scorers(report)
    if report.unknown_lengths:
        typer.echo(f"  length unknown for {report.unknown_lengths} samples")
    for reason, count in report.left_out.items():
        typer.echo(f"  left out {count}: {_plain(reason)}")
    if report.mended:
        typer.echo(f"  half characters replaced in {report.mended} texts")
    if report.skipped:
        typer.echo(f"verigap: skipped {report.skipped} unreadable records or samples:", err=True)
        for line in report.skipped_list[:_LISTED]:
            typer.echo(f"  {_plain(line)}", err=True)
        if report.skipped > _LISTED:
            typer.echo(f"  and {report.skipped - _LISTED} more", err=True)


def _show_scorers(report: ImportReport) -> None:
    """What the log's other scorers and its harness say."""
    for tally in report.scorers if len(report.scorers) > 1 else ():
        neither = f", {tally.neither} neither" if tally.neither else ""
        role = "decides" if tally.decides else f"differs on {tally.differs}"
        typer.echo(
            f"  {_plain(tally.name)}: {tally.correct} correct, {tally.incorrect} incorrect"
            f"{neither} ({role})"
        )
    for stated in report.harness:
        of = f" ({stated.of})" if stated.of else ""
        typer.echo(
            f"  the harness states {_plain(stated.name)} {stated.stated:.4g}{of}; here "
            f"{stated.found:.4g} of {stated.samples} samples"
        )
        if not stated.agrees and not stated.of:
            typer.echo(
                f"verigap: {_plain(stated.file)}: the harness states {stated.stated:.4g}, the "
                f"samples imported give {stated.found:.4g}; find out why before using them",
                err=True,
            )
    for threshold, share in report.correct_above.items():
        typer.echo(f"  correct above {threshold}: {share:.4g} of the samples")


def _plain(text: str) -> str:
    """One line without control characters, whatever the files hold."""
    return "".join(character if character.isprintable() else "?" for character in text)
