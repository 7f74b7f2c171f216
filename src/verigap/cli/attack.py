"""`verigap attack`: parse, call the library, print."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from verigap.cli.help_pages import SETTINGS, page
from verigap.cli.options import SHORT, JsonFlag, QuietFlag, prepare_jax, show_json

if TYPE_CHECKING:
    from verigap.sim.attacks import Instance

_ALL = "all"


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command(**page(SETTINGS, "verigap attack VB-UPPER-EXPECTATION"))(attack)


def attack(
    bounds: Annotated[
        list[str], typer.Argument(help="Bounds, negative controls, or all for every bound.")
    ],
    instance: Annotated[
        str | None,
        typer.Option(
            "--instance",
            help="Search nothing; evaluate SPACE:parameter=value,... or what a --out file keeps.",
        ),
    ] = None,
    starts: Annotated[int, typer.Option("--starts", help="Ascents in each space, regime.")] = 16,
    steps: Annotated[int, typer.Option("--steps", help="Steps of each ascent.")] = 60,
    seed: Annotated[int, typer.Option("--seed", help="Seed of the starts.")] = 0,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="JSON file that keeps finished bounds, and is continued."),
    ] = None,
    quiet: QuietFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """Look for the instance nearest to breaking a bound; exit 1 if one is broken.

    Gradient ascent through the exact risks, from many starts, in every regime. The worst instance
    is evaluated again in float64 and, where it is finite, in fractions.
    """
    prepare_jax()
    from verigap.cli.tables.attack import as_content, show_attacks, show_findings

    if instance is not None:
        from verigap.sim.attacks import verify

        findings = [verify(each) for each in _instances(bounds, instance)]
        if as_json:
            show_json([as_content(each) for each in findings])
        else:
            show_findings(findings)
        if any(each.violated for each in findings):
            raise typer.Exit(SHORT)
        return
    import verigap as vg
    from verigap.cli.progress import ProgressBar
    from verigap.theory import BOUNDS

    names = list(BOUNDS) if bounds == [_ALL] else bounds
    with ProgressBar("attack", quiet=quiet or as_json, counted="searches", lines=True) as report:
        found = vg.attack(names, starts=starts, steps=steps, seed=seed, out=out, report=report)
    if as_json:
        show_json(
            {
                name: {regime: each and as_content(each) for regime, each in one.worst.items()}
                for name, one in found.by_bound.items()
            }
        )
    else:
        show_attacks(found)
    if not found.ok:
        raise typer.Exit(SHORT)


def _instances(bounds: list[str], text: str) -> list[Instance]:
    """The instances that `--instance` names: one, or those of the bounds in a file.

    Raises:
      ValueError: it names none.
    """
    from verigap.sim.attacks import Instance, attacked_bound, read_instances
    from verigap.theory import BOUNDS

    names = list(BOUNDS) if bounds == [_ALL] else bounds
    for name in names:
        attacked_bound(name)
    if text.endswith(".json"):
        kept = read_instances(Path(text))
        missing = [name for name in names if name not in kept]
        if missing:
            raise ValueError(f"--instance {text}: has nothing on {missing[0]}")
        return [each for name in names for each in kept[name].values() if each is not None]
    if len(names) > 1:
        raise ValueError(f"--instance: is of one bound, not of {len(names)}")
    space, _, rest = text.partition(":")
    try:
        pairs = dict(part.split("=", 1) for part in rest.split(","))
        values = {name: float(value) for name, value in pairs.items()}
    except ValueError:
        raise ValueError(
            f"--instance: expected SPACE:parameter=value,... or a file ending in .json, not {text}"
        ) from None
    return [Instance(bound=names[0], space=space, values=values)]
