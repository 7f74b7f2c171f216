"""What the theory says a group of traces will show, before any learner is looked at.

The function is `llm_validation.predict`; these are its options and the types of its result.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from verigap._lazy import lazy_face

if TYPE_CHECKING:
    from verigap.llm_validation.predicting.crossover import Crossover
    from verigap.llm_validation.predicting.draws import Assumptions
    from verigap.llm_validation.predicting.predict import Options
    from verigap.llm_validation.predicting.prediction import GroupPrediction, PredictedCell
    from verigap.llm_validation.predicting.scoring import PredictionScore

__all__ = [
    "Assumptions",
    "Crossover",
    "GroupPrediction",
    "Options",
    "PredictedCell",
    "PredictionScore",
]

__getattr__, __dir__ = lazy_face(
    __name__,
    {
        "verigap.llm_validation.predicting.crossover": ("Crossover",),
        "verigap.llm_validation.predicting.draws": ("Assumptions",),
        "verigap.llm_validation.predicting.predict": ("Options",),
        "verigap.llm_validation.predicting.prediction": (
            "GroupPrediction",
            "PredictedCell",
        ),
        "verigap.llm_validation.predicting.scoring": ("PredictionScore",),
    },
)
