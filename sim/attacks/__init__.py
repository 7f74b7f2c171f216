"""Searches for the instance nearest to breaking a bound, by gradient ascent through exact risks.

Everything is imported when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from verigap._lazy import lazy_face

if TYPE_CHECKING:
    from verigap.sim.attacks.kept import read_instances
    from verigap.sim.attacks.regimes import REGIMES, Regime
    from verigap.sim.attacks.search import Attack, Attacks, Effort, attack
    from verigap.sim.attacks.space import BoundedQuantity, Exact, Parameter, SearchSpace
    from verigap.sim.attacks.spaces import SPACES
    from verigap.sim.attacks.verification import Finding, Instance, attacked_bound, verify

__all__ = [
    "REGIMES",
    "SPACES",
    "Attack",
    "Attacks",
    "BoundedQuantity",
    "Effort",
    "Exact",
    "Finding",
    "Instance",
    "Parameter",
    "Regime",
    "SearchSpace",
    "attack",
    "attacked_bound",
    "read_instances",
    "verify",
]

__getattr__, __dir__ = lazy_face(
    __name__,
    {
        "verigap.sim.attacks.kept": ("read_instances",),
        "verigap.sim.attacks.regimes": ("REGIMES", "Regime"),
        "verigap.sim.attacks.search": ("Attack", "Attacks", "Effort", "attack"),
        "verigap.sim.attacks.space": ("Exact", "BoundedQuantity", "Parameter", "SearchSpace"),
        "verigap.sim.attacks.spaces": ("SPACES",),
        "verigap.sim.attacks.verification": ("Finding", "Instance", "attacked_bound", "verify"),
    },
)
