"""`verigap fit`: parse, call the library, print."""

from __future__ import annotations

from typing import Annotated

import typer

from verigap.cli.help_pages import SAMPLES, page
from verigap.cli.options import JsonFlag, numbers, prepare_jax, show_json
from verigap.cli.samples import HorizonsOption, SamplesArgument, read


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command(**page(SAMPLES, "verigap fit examples/smollm2_products.parquet"))(fit)


def fit(
    traces: SamplesArgument,
    horizon: HorizonsOption = None,
    seed: Annotated[int, typer.Option("--seed", help="Seed of the bootstrap.")] = 0,
    c0: Annotated[
        float, typer.Option("--c0", help="Coverage that a prompt must have to count.")
    ] = 0.1,
    epsilon: Annotated[
        str | None, typer.Option("--epsilon", help="Margins of c(epsilon), with commas.")
    ] = None,
    kappa: Annotated[
        str | None, typer.Option("--kappa", help="Radii of c*(kappa), with commas.")
    ] = None,
    pass_at: Annotated[
        str | None, typer.Option("--pass-at", help="Further k of pass@k, with commas.")
    ] = None,
    samples: Annotated[
        int | None,
        typer.Option("--first-samples", help="Use the first M samples of each prompt only."),
    ] = None,
    per_prompt: Annotated[
        bool, typer.Option("--per-prompt", help="Add one entry a prompt to the JSON.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Heterogeneity, coverage and pass@k of sampled traces, with intervals."""
    prepare_jax()
    from dataclasses import replace

    import verigap as vg
    from verigap.llm_validation.fitting.content import as_content
    from verigap.llm_validation.fitting.population import Grids

    grids = replace(Grids(), c0=c0)
    if epsilon is not None:
        grids = replace(grids, margins=numbers(epsilon, "--epsilon", float))
    if kappa is not None:
        grids = replace(grids, chi2_radii=numbers(kappa, "--kappa", float))
    result = vg.fit(
        read(traces),
        None if horizon is None else numbers(horizon, "--horizon", int),
        seed=seed,
        grids=grids,
        pass_at=() if pass_at is None else numbers(pass_at, "--pass-at", int),
        samples=samples,
    )
    if as_json:
        show_json(as_content(result, per_prompt=per_prompt))
    else:
        from verigap.cli.tables.fit import show_fit

        show_fit(result)
