"""Attack bounds: climb in every space and regime, verify the worst instance, keep it on disk."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PRNGKeyArray

from verigap.sim.attacks.ascent import climb
from verigap.sim.attacks.kept import KeptAttacks
from verigap.sim.attacks.regimes import REGIMES, ranges_in
from verigap.sim.attacks.space import SearchSpace
from verigap.sim.attacks.spaces import SPACES
from verigap.sim.attacks.verification import Finding, Instance, attacked_bound, verify
from verigap.storage.digests import name_stream
from verigap.storage.progress import Progress

Report = Callable[[Progress], None]


@dataclass(frozen=True, kw_only=True)
class Effort:
    """How hard is searched.

    Attributes:
      starts: ascents in every space and regime.
      steps: of each ascent.
      seed: of the starts.
    """

    starts: int
    steps: int
    seed: int

    def __post_init__(self) -> None:
        for name, most in (("starts", 4096), ("steps", 100_000), ("seed", 4_294_967_295)):
            value = getattr(self, name)
            least = 0 if name == "seed" else 1
            if not isinstance(value, int) or not least <= value <= most:
                raise ValueError(f"{name}: must be a whole number from {least} to {most}")


@dataclass(frozen=True, kw_only=True)
class Attack:
    """The worst instances found for one bound.

    Attributes:
      bound: its name.
      worst: by regime; None where no instance of the regime is in any search space, or where the
        bound said nothing in all that were tried.
    """

    bound: str
    worst: dict[str, Finding | None]

    @property
    def violated(self) -> bool:
        """Whether an instance breaks the bound."""
        return any(found is not None and found.violated for found in self.worst.values())


@dataclass(frozen=True, kw_only=True)
class Attacks:
    """What became of several bounds.

    Attributes:
      by_bound: by name, in the order they were asked for.
    """

    by_bound: dict[str, Attack]

    @property
    def ok(self) -> bool:
        """Whether no bound is broken."""
        return not any(attack.violated for attack in self.by_bound.values())


def _key_of(seed: int, *names: str) -> PRNGKeyArray:
    """A key that depends on the names alone, and not on what else is attacked."""
    return jax.random.fold_in(jax.random.key(seed), name_stream("/".join(names)))


def _climbed(name: str, space: SearchSpace, regime: str, effort: Effort) -> Finding | None:
    """The worst instance of one space in one regime, verified; None where there is none."""
    ranges = ranges_in(space, REGIMES[regime])
    if ranges is None:
        return None
    with jax.enable_x64(True):
        ends = climb(
            _key_of(effort.seed, name, space.name, regime),
            jnp.asarray(ranges, jnp.float64),
            jnp.asarray(REGIMES[regime].share_of_stake, jnp.float64),
            bound=attacked_bound(name),
            space=space,
            starts=min(effort.starts, space.most_starts or effort.starts),
            steps=effort.steps,
        )
        values, near = jax.device_get(ends)
    names = [parameter.name for parameter in space.parameters]
    for start in np.argsort(-near):
        if not near[start] > 0:
            break
        # As short as a command shows them, so that it says all there is. That may be the end of a
        # range where an assumption just fails.
        short = [float(f"{value:.9g}") for value in values[start]]
        found = verify(
            Instance(bound=name, space=space.name, values=dict(zip(names, short, strict=True)))
        )
        if not found.failing_assumptions:
            return found
    return None


def _worse(first: Finding | None, second: Finding | None) -> Finding | None:
    """The finding that comes nearer."""
    found = [each for each in (first, second) if each is not None]
    return max(found, key=lambda each: each.closeness, default=None)


def attack(
    bounds: str | Sequence[str],
    *,
    effort: Effort,
    out: str | Path | None = None,
    report: Report = lambda progress: None,
) -> Attacks:
    """Look for the instances nearest to breaking bounds, by gradient ascent from many starts.

    Args:
      bounds: names of bounds or negative controls.
      effort: how hard is searched.
      out: a JSON file that keeps every finished bound: one with the same effort is not attacked
        again.
      report: called before and after every space and regime.

    Raises:
      ValueError: a name is unknown, or the file holds something else.

    Example:
      >>> from verigap.sim.attacks import Effort, attack
      >>> found = attack("VB-LOWER", effort=Effort(starts=4, steps=20, seed=0))
      >>> found.ok, 0.9 < found.by_bound["VB-LOWER"].worst["large n"].closeness < 1
      (True, True)
    """
    names = (bounds,) if isinstance(bounds, str) else tuple(dict.fromkeys(bounds))
    for name in names:
        attacked_bound(name)
    kept = KeptAttacks(None if out is None else Path(out), asdict(effort))
    done = {name: kept.attack_of(name) for name in names}
    work = [
        (name, space, regime)
        for name in names
        if done[name] is None
        for space in SPACES.values()
        if name in space.bounds
        for regime in REGIMES
    ]
    found: dict[str, dict[str, Finding | None]] = {}
    for place, (name, space, regime) in enumerate(work):
        report(Progress(done=place, total=len(work), doing=f"{name}, {regime}"))
        worst = found.setdefault(name, dict.fromkeys(REGIMES))
        worst[regime] = _worse(worst[regime], _climbed(name, space, regime, effort))
        if place + 1 == len(work) or work[place + 1][0] != name:
            kept.keep(name, worst)
    report(Progress(done=len(work), total=len(work)))
    return Attacks(
        by_bound={name: Attack(bound=name, worst=done[name] or found[name]) for name in names}
    )
