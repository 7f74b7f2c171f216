"""The bounds: one module a kind, one registry, `BOUNDS`, that checks and docs iterate over."""

from pkgutil import resolve_name

from verigap.theory.bounds.bound import Assumption, Bound, Game, Setting

_PLACES = (
    "vf_upper:VF_UPPER",
    "vf_upper:VF_UPPER_EXPECTATION",
    "vf_misspecified:VF_UPPER_MISSPECIFIED",
    "vf_lower:VF_LOWER",
    "vf_lower:VF_LOWER_PROPER",
    "vf_lower:VF_LOWER_MEDIAN",
    "vf_lower:VF_LOWER_SHARP",
    "vf_lower:VF_LOWER_PROBABILITY",
    "vb_upper:VB_UPPER",
    "vb_upper:VB_UPPER_EXPECTATION",
    "vb_upper:VB_UPPER_PLUG_IN",
    "vb_upper:VB_UPPER_BEST_OF_N",
    "vb_upper:VB_UPPER_SQUARED",
    "vb_upper:VB_UPPER_ERRORS",
    "vb_upper:VB_UPPER_ERRORS_BEST_OF_N",
    "vb_noise:VB_UPPER_NOISE",
    "vb_mean_square:VB_UPPER_MEAN_SQUARE",
    "vb_mean_square:VB_UPPER_MEAN_SQUARE_BEST_OF_N",
    "vb_lower:VB_LOWER",
    "separation:SEPARATION",
    "separation:SEPARATION_PROPER",
    "separation:SEPARATION_LINEAR",
)
"""Every bound, as module:name, in the order of docs/theory.md."""

BOUNDS: dict[str, Bound] = {
    bound.name: bound for bound in (resolve_name(f"{__name__}.{place}") for place in _PLACES)
}
"""Every bound by its name, in the order of docs/theory.md."""

__all__ = ["BOUNDS", "Assumption", "Bound", "Game", "Setting"]
