"""The bounds: one module a statement, one registry, `BOUNDS`, that checks and docs iterate over."""

from verigap.theory.bounds.bound import Assumption, Bound, Game, Setting
from verigap.theory.bounds.separation import SEPARATION, SEPARATION_LINEAR, SEPARATION_PROPER
from verigap.theory.bounds.vb_lower import VB_LOWER
from verigap.theory.bounds.vb_upper import (
    VB_UPPER,
    VB_UPPER_BEST_OF_N,
    VB_UPPER_ERRORS,
    VB_UPPER_ERRORS_BEST_OF_N,
    VB_UPPER_EXPECTATION,
    VB_UPPER_PLUG_IN,
    VB_UPPER_SQUARED,
)
from verigap.theory.bounds.vf_lower import (
    VF_LOWER,
    VF_LOWER_MEDIAN,
    VF_LOWER_PROBABILITY,
    VF_LOWER_PROPER,
    VF_LOWER_SHARP,
)
from verigap.theory.bounds.vf_upper import VF_UPPER

BOUNDS: dict[str, Bound] = {
    bound.name: bound
    for bound in (
        VF_UPPER,
        VF_LOWER,
        VF_LOWER_PROPER,
        VF_LOWER_MEDIAN,
        VF_LOWER_SHARP,
        VF_LOWER_PROBABILITY,
        VB_UPPER,
        VB_UPPER_EXPECTATION,
        VB_UPPER_PLUG_IN,
        VB_UPPER_BEST_OF_N,
        VB_UPPER_SQUARED,
        VB_UPPER_ERRORS,
        VB_UPPER_ERRORS_BEST_OF_N,
        VB_LOWER,
        SEPARATION,
        SEPARATION_PROPER,
        SEPARATION_LINEAR,
    )
}
"""Every bound by its name, in the order of docs/theory.md."""

__all__ = ["BOUNDS", "Assumption", "Bound", "Game", "Setting"]
