"""`verigap bounds`: parse, call the library, print."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from verigap.cli.help_pages import SETTINGS, page
from verigap.cli.options import JsonFlag, Leash, LeashOption, prepare_jax, radius_of, show_json
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
    leash: LeashOption = Leash.CHI2,
    kappa: Annotated[
        float | None,
        typer.Option(
            "--kappa",
            help="Radius of the expert class, in the divergence of --leash. Default: that of the "
            "expert, else 1, or ln 2 nats.",
        ),
    ] = None,
    expert_radius: Annotated[
        float | None,
        typer.Option(
            "--expert-radius",
            help="Fix the demonstrating expert: its radius, in the divergence of --leash.",
        ),
    ] = None,
    tilt: Annotated[
        float | None,
        typer.Option(
            "--tilt", help="The same by epsilon = sqrt(its chi-square radius); not with --leash kl."
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
    roc: Annotated[
        str | None,
        typer.Option(
            "--roc",
            help="A verifier's score by its ROC curve: FALSE_POSITIVE:FALSE_NEGATIVE,... of its "
            "thresholds, strictest first.",
        ),
    ] = None,
    reward_error: Annotated[
        float,
        typer.Option("--reward-error", help="Root mean square error of a reward estimate."),
    ] = 0.0,
    misspecification: Annotated[
        float,
        typer.Option(
            "--misspecification", help="Chi-square by which the policy class misses the expert."
        ),
    ] = 0.0,
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
    if tilt is not None:
        expert_radius = _squared(tilt, leash, kappa, expert_radius)
    if leash is Leash.KL and kappa is None:
        kappa = expert_radius
    if law is None and (sigma is None or mean is None or c0 is None):
        raise ValueError("give --law, or all of --sigma, --mean and --c0")
    import verigap as vg
    from verigap.cli.law_text import parse_law

    found = vg.calculate(
        parse_law(law, horizon, sigma=sigma, mean=mean, dataset=dataset, model=model),
        horizon=horizon,
        data_budget=n,
        log2_class_size=log2_class,
        **radius_of(leash, kappa),
        expert_radius=expert_radius,
        failure_probability=delta,
        coverage=c0,
        num_candidates=candidates,
        seed=seed,
        roc=_roc_points(roc),
        reward_error=reward_error,
        misspecification=misspecification,
    )
    standing = None
    if frontier:
        from verigap.theory import standing as where

        standing = where(found.setting)
    if as_json:
        from verigap.sim.calculation_content import as_content

        content = as_content(found)
        if standing is not None:
            content["frontier"] = _frontier_content(standing)
        show_json(content)
    else:
        from verigap.cli.tables.bounds import show_calculation

        show_calculation(found)
        if standing is not None:
            from verigap.cli.tables.frontier import show_standing

            show_standing(standing, found.unit, found.setting.ball)


def _frontier_content(standing: Standing) -> dict[str, object]:
    from verigap.theory.frontier import verdict_content

    game = standing.game
    return {
        "bounds": verdict_content(standing.bounds),
        "bound_elasticities": dict(standing.bound_elasticities),
        "game": None if game is None else verdict_content(game),
        "exact": None if standing.shares is None else standing.shares.exact,
    }


def _squared(tilt: float, leash: Leash, kappa: float | None, radius: float | None) -> float:
    """The chi-square radius of the expert that `--tilt` fixes."""
    if radius is not None:
        raise ValueError("--tilt: fixes the expert that --expert-radius fixes; give one of them")
    if leash is Leash.KL:
        raise ValueError("--tilt: is a root of a chi-square; with --leash kl give --expert-radius")
    # The product is infinite where the power would be an error.
    if not (tilt > 0 and 0 < tilt * tilt < float("inf")):
        raise ValueError(f"--tilt: must be positive and finite, as its square must, not {tilt}")
    if kappa is not None and tilt**2 > kappa * (1 + 1e-9):
        needs = "its chi-square radius must not exceed the --kappa of the class"
        raise ValueError(f"--tilt: {needs}, {kappa:g}, not {tilt**2:g}")
    return tilt**2


def _roc_points(text: str | None) -> list[tuple[float, float]]:
    """Pairs of error rates."""
    if text is None:
        return []
    points = []
    for point in text.split(","):
        wrong, colon, missed = point.partition(":")
        try:
            points.append((float(wrong), float(missed)))
        except ValueError:
            colon = ""
        if not colon:
            raise ValueError(
                f"--roc: expected FALSE_POSITIVE:FALSE_NEGATIVE,..., not {text!r}"
            ) from None
    return points


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
