"""Methods side by side on the planted subsequence: one file each, at equal budgets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from verigap._lazy import lazy_face

if TYPE_CHECKING:
    from verigap.sim.planted.methods.compared import MethodsSetting, compare_settings, is_compared
    from verigap.sim.planted.methods.parameters import MethodsParameters
    from verigap.sim.planted.methods.spending import BudgetExceeded, Spending, TrainingBudget

__all__ = [
    "BudgetExceeded",
    "MethodsParameters",
    "MethodsSetting",
    "Spending",
    "TrainingBudget",
    "compare_settings",
    "is_compared",
]

__getattr__, __dir__ = lazy_face(
    __name__,
    {
        "verigap.sim.planted.methods.compared": (
            "MethodsSetting",
            "compare_settings",
            "is_compared",
        ),
        "verigap.sim.planted.methods.parameters": ("MethodsParameters",),
        "verigap.sim.planted.methods.spending": ("BudgetExceeded", "Spending", "TrainingBudget"),
    },
)
