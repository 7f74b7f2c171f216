"""Statistics of sampled traces that the theory needs, with intervals over prompts.

The function is `llm_validation.fit`; these are the types of its result.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from verigap._lazy import lazy_face

if TYPE_CHECKING:
    from verigap.llm_validation.fitting.fit import Fit, GroupFit, PassAtK
    from verigap.llm_validation.fitting.hitting_families import HittingFamily
    from verigap.llm_validation.fitting.population import Coverage

__all__ = [
    "Coverage",
    "Fit",
    "GroupFit",
    "HittingFamily",
    "PassAtK",
]

__getattr__, __dir__ = lazy_face(
    __name__,
    {
        "verigap.llm_validation.fitting.fit": (
            "Fit",
            "GroupFit",
            "PassAtK",
        ),
        "verigap.llm_validation.fitting.hitting_families": ("HittingFamily",),
        "verigap.llm_validation.fitting.population": ("Coverage",),
    },
)
