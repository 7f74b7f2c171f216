"""The verb that looks for counter-examples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from verigap.verbs._kinds import of_kind

if TYPE_CHECKING:
    from verigap.sim.attacks import Attacks
    from verigap.storage.progress import Progress


def attack(
    bounds: str | Sequence[str],
    *,
    starts: int = 16,
    steps: int = 60,
    seed: int = 0,
    out: str | Path | None = None,
    report: Callable[[Progress], None] = lambda progress: None,
) -> Attacks:
    """Look for the instances nearest to breaking bounds, by gradient ascent through exact risks.

    Args:
      bounds: name of a bound of `theory.BOUNDS`, or of a negative control, or several.
      starts: ascents in every search space and regime, at least 1.
      steps: of each ascent, at least 1.
      seed: seed of the random starts.
      out: a JSON file that keeps every bound when it is finished; with the same starts, steps and
        seed its search is not repeated. Default: nothing is kept.
      report: called before and after every space and regime.

    Returns:
      `ok` (no bound is broken), `by_bound`, each with its `worst` instance by regime: the values of
      its parameters, the bound, the exact quantity and how near the two are, above 1 if the bound
      is broken.

    Raises:
      ValueError: a bound is unknown or a number out of range; the message begins with its name.

    Example:
      >>> import verigap as vg
      >>> found = vg.attack("VB-LOWER", starts=4, steps=20)
      >>> found.ok, 0.9 < found.by_bound["VB-LOWER"].worst["large n"].closeness < 1
      (True, True)
    """
    from verigap.sim.attacks import Effort
    from verigap.sim.attacks import attack as attack_bounds

    of_kind(bounds, "bounds", "a name or several", str, Sequence)
    effort = Effort(starts=starts, steps=steps, seed=seed)
    return attack_bounds(bounds, effort=effort, out=out, report=report)
