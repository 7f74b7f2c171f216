"""Risks in the relabelling game that need no simulation."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from verigap.sim.relabelling.game import RelabellingGame
from verigap.sim.relabelling.learners import LEARNERS, AveragingLearner
from verigap.sim.relabelling.learners.learner import confidence_ends
from verigap.sim.relabelling.plans import Plan
from verigap.sim.relabelling.simulate import evidence_laws, policy_gain


class KnownRisk(NamedTuple):
    """Ends of a mean risk (tokens).

    Attributes:
      low, high: between which it lies; equal where it is exact.
      exact: whether no score was put on a lattice.
    """

    low: float
    high: float
    exact: bool


def known_risks(game: RelabellingGame, plan: Plan) -> dict[str, KnownRisk]:
    """Mean risks of the learners of a plan in one cell that need no simulation (tokens).

    A learner that commits to a codeword is right with a probability that the law of its evidence
    gives; one that averages may know its gain. The others are left out.
    """
    laws = evidence_laws(game, plan)
    risks = {}
    for name in plan.learners:
        learner: Any = LEARNERS[name]  # A committing one reads the law of its own side alone.
        if isinstance(learner, AveragingLearner):
            gain = learner.exact_gain(game)
            if gain is not None:
                risk = float(game.expert_gain - gain)
                risks[name] = KnownRisk(risk, risk, True)
        elif (law := laws[learner.side]) is not None:
            gain = policy_gain(learner, game, leashed=False)
            ends = confidence_ends(learner, law, game.log2_class_size)
            if not np.isnan(ends[0]):
                low, high = sorted(float(game.expert_gain - end * gain) for end in ends)
                risks[name] = KnownRisk(low, high, bool(law.exact))
    return risks
