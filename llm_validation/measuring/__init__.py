"""What cloning and verifying earn on held-out prompts, measured on pools of sampled traces.

The function is `llm_validation.measure`; these are the types of its result.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from verigap._lazy import lazy_face

if TYPE_CHECKING:
    from verigap.llm_validation.measuring.measurement import GroupMeasurement, MeasuredCell
    from verigap.llm_validation.measuring.planted_runs import FinetunedMeasurement

__all__ = [
    "FinetunedMeasurement",
    "GroupMeasurement",
    "MeasuredCell",
]

__getattr__, __dir__ = lazy_face(
    __name__,
    {
        "verigap.llm_validation.measuring.measurement": (
            "GroupMeasurement",
            "MeasuredCell",
        ),
        "verigap.llm_validation.measuring.planted_runs": ("FinetunedMeasurement",),
    },
)
