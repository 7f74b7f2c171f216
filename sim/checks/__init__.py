"""Checks of bounds against simulated runs."""

from verigap.sim.checks.check import BoundTest, Report, Verdict, check
from verigap.sim.checks.exponents import Exponent, exponents, fit_exponent
from verigap.sim.planted.measured import TrainedReport, check_trained, is_trained
from verigap.theory.bounds.controls import CONTROLS

__all__ = [
    "CONTROLS",
    "BoundTest",
    "Exponent",
    "Report",
    "TrainedReport",
    "Verdict",
    "check",
    "check_trained",
    "exponents",
    "fit_exponent",
    "is_trained",
]
