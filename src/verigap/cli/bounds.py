"""`verigap bounds`: parse, call the library, print."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from verigap.cli.help_pages import SETTINGS, page
from verigap.cli.options import JsonFlag, prepare_jax, show_json
from verigap.cli.output import say

if TYPE_CHECKING:
    from verigap.theory import Standing


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command(
        **page(SETTINGS, "verigap bounds --law two-level --horizon 1024 --n 1024 --log2-class 40")
    )(bounds)


def bounds(
    list_all: Annotated[
        bool, typer.Option("--list", help="List every bound with its statement and stop.")
    ] = False,
    horizon: Annotated[int | None, typer.Option("--horizon", help="Budget H.")] = None,
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
            help="two-level, FAMILY:key=value,..., returns:r1,r2,..., or a law table.",
        ),
    ] = None,
    sigma: Annotated[float | None, typer.Option("--sigma", help="Sd of the base return.")] = None,
    mean: Annotated[float | None, typer.Option("--mean", help="Mean base return.")] = None,
    c0: Annotated[
        float | None, typer.Option("--c0", help="Coverage. Default: from the law.")
    ] = None,
    candidates: Annotated[int, typer.Option("--candidates", help="N of best-of-N.")] = 8,
    dataset: Annotated[str | None, typer.Option("--dataset", help="Group of a law table.")] = None,
    model: Annotated[str | None, typer.Option("--model", help="Group of a law table.")] = None,
    seed: Annotated[int, typer.Option("--seed", help="Seed of the VF-Bayes simulation.")] = 0,
    frontier: Annotated[
        bool,
        typer.Option(
            "--frontier",
            help="Who leads, cloning or verifying, and by which factor each parameter would have "
            "to move to change it.",
        ),
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Every bound and every learner's risk in one setting, in the unit of its law (else tokens)."""
    prepare_jax()
    if list_all:
        _list_bounds(as_json)
        return
    missing = [
        name
        for name, value in (("--horizon", horizon), ("--n", n), ("--log2-class", log2_class))
        if value is None
    ]
    if missing or horizon is None or n is None or log2_class is None:
        raise ValueError(f"{', '.join(missing)}: missing (or ask for --list)")
    # The product is infinite where the power would be an error.
    if tilt is not None and not (tilt > 0 and 0 < tilt * tilt < float("inf")):
        raise ValueError(f"--tilt: must be positive and finite, as its square must, not {tilt}")
    if law is None and (sigma is None or mean is None or c0 is None):
        raise ValueError("give --law, or all of --sigma, --mean and --c0")
    import verigap as vg
    from verigap.cli.law_text import parse_law

    found = vg.calculate(
        parse_law(law, horizon, sigma=sigma, mean=mean, dataset=dataset, model=model),
        horizon=horizon,
        data_budget=n,
        log2_class_size=log2_class,
        chi2_radius=kappa,
        expert_radius=None if tilt is None else tilt**2,
        failure_probability=delta,
        coverage=c0,
        num_candidates=candidates,
        seed=seed,
    )
    standing = None
    if frontier:
        from verigap.theory import standing as where

        standing = where(found.setting)
    if as_json:
        from verigap.sim.calculator import as_content

        content = as_content(found)
        if standing is not None:
            content["frontier"] = _frontier_content(standing)
        show_json(content)
    else:
        from verigap.cli.tables.bounds import show_calculation

        show_calculation(found)
        if standing is not None:
            from verigap.cli.tables.frontier import show_standing

            show_standing(standing, found.unit)


def _frontier_content(standing: Standing) -> dict[str, object]:
    from verigap.theory.frontier import verdict_content

    game = standing.game
    return {
        "bounds": verdict_content(standing.bounds),
        "bound_elasticities": dict(standing.bound_elasticities),
        "game": None if game is None else verdict_content(game),
        "exact": None if standing.shares is None else standing.shares.exact,
    }


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
        say(f"{bound.name}: {bound.title}\n  {bound.statement}")
        for assumption in bound.assumptions:
            say(f"    if {assumption.text}")
        say(f"  source: {bound.source}; proof: {bound.proof}\n")
