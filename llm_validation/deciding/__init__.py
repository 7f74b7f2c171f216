"""Two decisions: how to select among N samples at test time, and what to train."""

from __future__ import annotations

from typing import TYPE_CHECKING

from verigap._lazy import lazy_face

if TYPE_CHECKING:
    from verigap.llm_validation.deciding.decisions import GroupDecisions, Request, decide_group
    from verigap.llm_validation.deciding.outcomes import Outcomes, outcomes_at
    from verigap.llm_validation.deciding.prices import Prices
    from verigap.llm_validation.deciding.rule import Decision
    from verigap.llm_validation.deciding.selection import Selection, select
    from verigap.llm_validation.deciding.training import Training, train

__all__ = [
    "Decision",
    "GroupDecisions",
    "Outcomes",
    "Prices",
    "Request",
    "Selection",
    "Training",
    "decide_group",
    "outcomes_at",
    "select",
    "train",
]

__getattr__, __dir__ = lazy_face(
    __name__,
    {
        "verigap.llm_validation.deciding.decisions": ("GroupDecisions", "Request", "decide_group"),
        "verigap.llm_validation.deciding.outcomes": ("Outcomes", "outcomes_at"),
        "verigap.llm_validation.deciding.prices": ("Prices",),
        "verigap.llm_validation.deciding.rule": ("Decision",),
        "verigap.llm_validation.deciding.selection": ("Selection", "select"),
        "verigap.llm_validation.deciding.training": ("Training", "train"),
    },
)
