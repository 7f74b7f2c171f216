"""From both decisions and the theory behind them to a report that a person can read.

The function is `llm_validation.diagnose`; these are the types of its result.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from verigap._lazy import lazy_face

if TYPE_CHECKING:
    from verigap.llm_validation.reporting.content import diagnosis_content
    from verigap.llm_validation.reporting.diagnosis import Diagnosis, GroupDiagnosis, Theory

__all__ = [
    "Diagnosis",
    "GroupDiagnosis",
    "Theory",
    "diagnosis_content",
]

__getattr__, __dir__ = lazy_face(
    __name__,
    {
        "verigap.llm_validation.reporting.content": ("diagnosis_content",),
        "verigap.llm_validation.reporting.diagnosis": (
            "Diagnosis",
            "GroupDiagnosis",
            "Theory",
        ),
    },
)
