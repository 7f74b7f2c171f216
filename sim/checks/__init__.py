"""Checks of bounds against simulated runs."""

from verigap.sim.checks.check import BoundTest, Report, Verdict, check
from verigap.sim.checks.controls import CONTROLS
from verigap.sim.checks.exponents import Exponent, exponents, fit_exponent

__all__ = [
    "CONTROLS",
    "BoundTest",
    "Exponent",
    "Report",
    "Verdict",
    "check",
    "exponents",
    "fit_exponent",
]
