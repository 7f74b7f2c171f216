"""The relabelling game: its learners, its simulation in two back ends, and its exact risks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from verigap._lazy import lazy_face

if TYPE_CHECKING:
    from verigap.sim.relabelling.enumeration import enumerate_risks
    from verigap.sim.relabelling.evidence import Belief, Demonstrations, Labels
    from verigap.sim.relabelling.game import RelabellingGame
    from verigap.sim.relabelling.learner_risks import LearnerRisks
    from verigap.sim.relabelling.learners import (
        LEARNERS,
        AveragingLearner,
        CommittingLearner,
        Learner,
    )
    from verigap.sim.relabelling.risk import Risk

__all__ = [
    "LEARNERS",
    "AveragingLearner",
    "Belief",
    "CommittingLearner",
    "Demonstrations",
    "Labels",
    "Learner",
    "LearnerRisks",
    "RelabellingGame",
    "Risk",
    "enumerate_risks",
]

__getattr__, __dir__ = lazy_face(
    __name__,
    {
        "verigap.sim.relabelling.enumeration": ("enumerate_risks",),
        "verigap.sim.relabelling.evidence": (
            "Belief",
            "Demonstrations",
            "Labels",
        ),
        "verigap.sim.relabelling.learner_risks": ("LearnerRisks",),
        "verigap.sim.relabelling.game": ("RelabellingGame",),
        "verigap.sim.relabelling.learners": (
            "LEARNERS",
            "AveragingLearner",
            "CommittingLearner",
            "Learner",
        ),
        "verigap.sim.relabelling.risk": ("Risk",),
    },
)
