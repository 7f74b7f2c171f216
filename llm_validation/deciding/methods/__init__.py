"""Ways to spend samples on a prompt beyond selecting among N, compared at equal budgets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from verigap._lazy import lazy_face

if TYPE_CHECKING:
    from verigap.llm_validation.deciding.methods.equal_budgets import (
        Budget,
        EqualBudgets,
        OverBudget,
        compare_methods,
    )
    from verigap.llm_validation.deciding.methods.measured import MeasuredMethod

__all__ = ["Budget", "EqualBudgets", "MeasuredMethod", "OverBudget", "compare_methods"]

__getattr__, __dir__ = lazy_face(
    __name__,
    {
        "verigap.llm_validation.deciding.methods.equal_budgets": (
            "Budget",
            "EqualBudgets",
            "OverBudget",
            "compare_methods",
        ),
        "verigap.llm_validation.deciding.methods.measured": ("MeasuredMethod",),
    },
)
