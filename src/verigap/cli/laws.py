"""`verigap laws`: parse, call the library, print."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from verigap.cli.help_pages import SAMPLES, page
from verigap.cli.options import JsonFlag, numbers, show_json
from verigap.cli.output import say
from verigap.cli.samples import HorizonsOption, SamplesArgument, read


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command(**page(SAMPLES, "verigap laws examples/game24_gpt4.parquet --out laws.parquet"))(
        laws
    )


def laws(
    traces: SamplesArgument,
    out: Annotated[Path, typer.Option("--out", help="Law table to write (Parquet).")],
    horizon: HorizonsOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Per-prompt reward laws of sampled traces at several token budgets."""
    from verigap.llm_validation.laws import reward_laws
    from verigap.sim.sweeps.law_table import write_law_table

    horizons = None if horizon is None else numbers(horizon, "--horizon", int)
    table, report = reward_laws(read(traces), horizons)
    write_law_table(table, out)
    if as_json:
        show_json({"out": str(out), "horizons": list(table.horizons), **_report(report)})
        return
    from verigap.cli.tables.common import chosen_line

    say(
        f"{out}: laws of {report.prompts} prompts at H = {', '.join(map(str, table.horizons))} "
        f"{' / '.join(report.units)}, from {report.samples} verified samples"
    )
    for chosen in report.horizons_chosen:
        say(f"  {chosen_line(chosen)}")
    if report.unverified or report.left_out:
        say(
            f"  {report.unverified} samples could not be verified; {len(report.left_out)} prompts "
            "without any verified sample were left out"
        )
    if report.correct_only_at_end:
        say(
            f"  {report.correct_only_at_end} correct samples are only known to be correct at their "
            "end; their returns are lower bounds"
        )


def _report(report: Any) -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(report)
