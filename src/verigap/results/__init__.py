"""What the verbs return: results of the rooms below that draw themselves and show as tables.

They live above `figures`, as a result that draws itself must know the figures. Each is imported
when it is used: a calculation has no need of the packages behind a diagnosis.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from verigap._lazy import lazy_face

if TYPE_CHECKING:
    from verigap.results.calculation import CalculationResult
    from verigap.results.check import CheckResult
    from verigap.results.diagnosis import DiagnosisResult
    from verigap.results.fit import FitResult
    from verigap.results.measurements import Measurements
    from verigap.results.predictions import Predictions
    from verigap.results.sweep import SweepResult

__all__ = [
    "CalculationResult",
    "CheckResult",
    "DiagnosisResult",
    "FitResult",
    "Measurements",
    "Predictions",
    "SweepResult",
]

__getattr__, __dir__ = lazy_face(
    __name__,
    {
        "verigap.results.calculation": ("CalculationResult",),
        "verigap.results.check": ("CheckResult",),
        "verigap.results.diagnosis": ("DiagnosisResult",),
        "verigap.results.fit": ("FitResult",),
        "verigap.results.measurements": ("Measurements",),
        "verigap.results.predictions": ("Predictions",),
        "verigap.results.sweep": ("SweepResult",),
    },
)
