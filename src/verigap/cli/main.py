"""The command line: parse, call the library, print. Heavy imports wait for the command."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.exceptions import TyperException

from verigap.cli import import_ as commands_llm
from verigap.cli import sample as commands_sample
from verigap.cli.diagnose import register as register_diagnose
from verigap.cli.figures import register as register_figures
from verigap.cli.finetune import register as register_finetune
from verigap.cli.fit import register as register_fit
from verigap.cli.measure import register as register_measure
from verigap.cli.options import command_line, numbers
from verigap.cli.predict import register as register_predict

if TYPE_CHECKING:
    from verigap.sim.checks import Report

FINE, SHORT, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130

app = typer.Typer(
    name="verigap",
    help="Does it pay to verify (RL, search, best-of-N) rather than to clone traces, by how much?",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)

JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]


def prepare_jax() -> None:
    """Compute in float64 unless the user chose otherwise."""
    if "JAX_ENABLE_X64" not in os.environ:
        os.environ["JAX_ENABLE_X64"] = "1"
        # JAX reads its environment when it is imported.
        if "jax" in sys.modules:
            sys.modules["jax"].config.update("jax_enable_x64", True)


def show_json(content: object) -> None:
    """Print strict JSON; what is not a finite number becomes null."""
    from verigap.sim.strict_json import strict_json

    typer.echo(strict_json(content))


@app.command()
def version() -> None:
    """Print the version."""
    from verigap import __version__

    typer.echo(__version__)


@app.command()
def laws(
    traces: Annotated[Path, typer.Argument(help="Trace table: Parquet, CSV or JSONL.")],
    budgets: Annotated[
        str, typer.Option("--budgets", help="Token budgets H, separated by commas.")
    ],
    out: Annotated[Path, typer.Option("--out", help="Law table to write (Parquet).")],
    as_json: JsonFlag = False,
) -> None:
    """Per-prompt reward laws of sampled traces at several token budgets."""
    from verigap.llm_validation.laws import reward_laws
    from verigap.llm_validation.traces import read_traces
    from verigap.sim.sweeps.law_table import write_law_table

    table, report = reward_laws(read_traces(traces), numbers(budgets, "--budgets", int))
    write_law_table(table, out)
    if as_json:
        show_json({"out": str(out), "horizons": list(table.horizons), **_report(report)})
        return
    typer.echo(
        f"{out}: laws of {report.prompts} prompts at H = {', '.join(map(str, table.horizons))} "
        f"{' / '.join(report.units)}, from {report.samples} verified samples"
    )
    if report.unverified or report.left_out:
        typer.echo(
            f"  {report.unverified} samples could not be verified; {len(report.left_out)} prompts "
            "without any verified sample were left out"
        )
    if report.correct_only_at_end:
        typer.echo(
            f"  {report.correct_only_at_end} correct samples are only known to be correct at their "
            "end; their returns are lower bounds"
        )


def _report(report: Any) -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(report)


@app.command()
def bounds(
    list_all: Annotated[
        bool, typer.Option("--list", help="List every bound with its statement and stop.")
    ] = False,
    horizon: Annotated[int | None, typer.Option("--horizon", help="Token budget H.")] = None,
    n: Annotated[int | None, typer.Option("--n", help="Traces to learn from.")] = None,
    log2_class: Annotated[
        float | None, typer.Option("--log2-class", help="log2 of the class size, bits (d).")
    ] = None,
    kappa: Annotated[
        float | None,
        typer.Option(
            "--kappa", help="Chi-square radius of the expert class. Default: 1, or tilt^2."
        ),
    ] = None,
    tilt: Annotated[
        float | None,
        typer.Option(
            "--tilt", help="Fix the demonstrating expert: epsilon = sqrt(its chi-square)."
        ),
    ] = None,
    delta: Annotated[float, typer.Option("--delta", help="Failure probability.")] = 0.05,
    law: Annotated[
        str | None,
        typer.Option(
            "--law",
            help="two-level, FAMILY:key=value,..., returns:r1,r2,... (tokens), or a law table.",
        ),
    ] = None,
    sigma: Annotated[
        float | None, typer.Option("--sigma", help="Sd of the base return, tokens.")
    ] = None,
    mean: Annotated[float | None, typer.Option("--mean", help="Mean base return, tokens.")] = None,
    c0: Annotated[
        float | None, typer.Option("--c0", help="Coverage. Default: from the law.")
    ] = None,
    best_of: Annotated[int, typer.Option("--best-of", help="N of best-of-N.")] = 8,
    dataset: Annotated[str | None, typer.Option("--dataset", help="Group of a law table.")] = None,
    model: Annotated[str | None, typer.Option("--model", help="Group of a law table.")] = None,
    seed: Annotated[int, typer.Option("--seed", help="Seed of the VF-Bayes simulation.")] = 0,
    as_json: JsonFlag = False,
) -> None:
    """Every bound and every exact risk of one setting, in tokens of correct trace."""
    prepare_jax()
    if list_all:
        _list_bounds(as_json)
        return
    if horizon is None or n is None or log2_class is None:
        missing = [
            name
            for name, value in (("--horizon", horizon), ("--n", n), ("--log2-class", log2_class))
            if value is None
        ]
        raise ValueError(f"{', '.join(missing)}: missing (or ask for --list)")
    from verigap.sim.calculator import Question, calculate

    result = calculate(
        Question(
            horizon=horizon,
            n=n,
            log2_class=log2_class,
            kappa=kappa,
            tilt=tilt,
            delta=delta,
            law=law,
            dataset=dataset,
            model=model,
            sigma=sigma,
            mean=mean,
            c0=c0,
            best_of=best_of,
            seed=seed,
        )
    )
    if as_json:
        show_json(result)
    else:
        from verigap.cli.tables.common import show_calculation

        show_calculation(result)


def _list_bounds(as_json: bool) -> None:
    from verigap.theory import BOUNDS

    if as_json:
        show_json(
            [
                {
                    "name": bound.name,
                    "title": bound.title,
                    "statement": bound.statement,
                    "source": bound.source,
                    "assumptions": [assumption.text for assumption in bound.assumptions],
                    "proof": bound.proof,
                }
                for bound in BOUNDS.values()
            ]
        )
        return
    for bound in BOUNDS.values():
        typer.echo(f"{bound.name}: {bound.title}\n  {bound.statement}")
        for assumption in bound.assumptions:
            typer.echo(f"    if {assumption.text}")
        typer.echo(f"  source: {bound.source}; proof: {bound.proof}\n")


@app.command()
def sweep(
    config: Annotated[Path, typer.Argument(help="Sweep configuration (YAML).")],
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Run folder, made or continued. Default: runs/CONFIG."),
    ] = None,
    engine: Annotated[str, typer.Option("--engine", help="Where cells run: local.")] = "local",
    as_json: JsonFlag = False,
) -> None:
    """Run or resume a sweep."""
    prepare_jax()
    if engine != "local":
        raise ValueError(f"--engine: unknown engine {engine!r}; use local")
    from verigap.cli.progress import ProgressBar
    from verigap.sim.sweeps.config import load_sweep
    from verigap.sim.sweeps.run import run_sweep

    loaded = load_sweep(config)
    folder = out or Path("runs") / config.stem
    with ProgressBar(f"sweep {config.stem}", quiet=as_json) as report:
        outcome = run_sweep(loaded, folder, command=command_line(), report=report)
    for warning in outcome.warnings:
        typer.echo(f"verigap: warning: {warning}", err=True)
    if as_json:
        show_json(
            {
                "run": str(folder),
                "cells": outcome.cells,
                "resumed": outcome.resumed,
                "failed": outcome.failed,
            }
        )
    else:
        resumed = f" ({outcome.resumed} from before)" if outcome.resumed else ""
        typer.echo(
            f"{folder}: {outcome.cells - outcome.failed} of {outcome.cells} cells done{resumed}"
        )
    if outcome.failed:
        typer.echo(
            f"verigap: {outcome.failed} cells failed; see failures.parquet, run again to retry",
            err=True,
        )
        raise typer.Exit(SHORT)


@app.command()
def check(
    run: Annotated[Path, typer.Argument(help="Run folder.")],
    as_json: JsonFlag = False,
) -> None:
    """Test every applicable bound in every cell of a run; exit 1 if one is violated.

    Trained networks are measured: values, gaps and exponents; exit 1 if a network is under-trained.
    """
    prepare_jax()
    from dataclasses import asdict

    from verigap.cli.tables.common import show_check, show_trained
    from verigap.sim.checks import check as check_rows
    from verigap.sim.checks import check_trained, exponents, is_trained
    from verigap.sim.sweeps.config import parse_sweep
    from verigap.storage.run_store import RunStore

    store = RunStore.read_only(run)
    config = parse_sweep(store.config_yaml, str(run / "config.yaml"))
    rows = store.read_cells().to_dicts()
    for warning in store.warnings:
        typer.echo(f"verigap: warning: {warning}", err=True)
    if not rows:
        raise ValueError(f"{run}: no finished cell; run `verigap sweep` first")
    trained = [row for row in rows if is_trained(row)]
    simulated = [row for row in rows if not is_trained(row)]
    measured = check_trained(trained)
    ok = not any(point.under_training for point in measured.points)
    shown: dict[str, Any] = {"cells": len(rows)}
    if simulated or not trained:
        report: Report = check_rows(simulated, config.bounds)
        fits = exponents(simulated)
        ok = ok and report.ok
        shown |= {
            "bounds": [asdict(verdict) for verdict in report.verdicts],
            "exponents": [asdict(fit) for fit in fits],
            "violations": [asdict(test) for test in report.tests if test.violated],
        }
        if not as_json:
            show_check(report, fits, simulated)
    if trained:
        shown["trained"] = asdict(measured)
        if not as_json:
            show_trained(measured)
    if as_json:
        show_json({"ok": ok, **shown})
    if not ok:
        raise typer.Exit(SHORT)


commands_llm.register(app)
register_diagnose(app, prepare_jax, show_json)
register_figures(app, prepare_jax)
register_finetune(app, prepare_jax, show_json)
register_fit(app, prepare_jax, show_json)
commands_sample.register(app)
register_measure(app, prepare_jax, show_json)
register_predict(app, prepare_jax, show_json)


def main() -> None:
    """Entry point: every foreseeable mistake becomes one line and exit code 2."""
    if hasattr(signal, "SIGPIPE"):
        # A reader that has seen enough (`| head`) ends us silently, not with the code of a
        # violation.
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        code = app(standalone_mode=False)
    except typer.Exit as error:
        code = error.exit_code
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except TyperException as error:
        describe = getattr(error, "format_message", lambda: str(error))
        # Without a message the help has been shown instead.
        if message := " ".join(describe().split()):
            typer.echo(f"verigap: {message} (see verigap --help)", err=True)
        code = BAD_INPUT
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        typer.echo(f"verigap: {where}{error.strerror or error}", err=True)
        # What could not be written would be tried, and complained about, once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = BAD_INPUT
    except ValueError as error:
        typer.echo(f"verigap: {error}", err=True)
        code = BAD_INPUT
    if code == INTERRUPTED:
        typer.echo("verigap: interrupted; the same command continues where it stopped", err=True)
    sys.exit(code if isinstance(code, int) else FINE)


if __name__ == "__main__":
    main()
