"""The verbs of `import verigap as vg`; the command line is a client of exactly these."""

from verigap.verbs.attacks import attack
from verigap.verbs.samples import diagnose, fit, measure, predict, read_traces
from verigap.verbs.settings import calculate, check, rerun, sweep

__all__ = [
    "attack",
    "calculate",
    "check",
    "diagnose",
    "fit",
    "measure",
    "predict",
    "read_traces",
    "rerun",
    "sweep",
]
