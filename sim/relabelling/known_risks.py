"""Risks in the relabelling game that need no simulation."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from verigap.sim.relabelling.game import RelabellingGame
from verigap.sim.relabelling.learners import LEARNERS, AveragingLearner
from verigap.sim.relabelling.simulate import Plan, evidence_laws, policy_gain
from verigap.theory.arrays import Array


def known_risks(game: RelabellingGame, plan: Plan) -> dict[str, Float[Array | np.ndarray, ""]]:
    """Mean risks of the learners of a plan in one cell that need no simulation (tokens).

    A learner that commits to a codeword is right with a probability that the law of its evidence
    gives; one that averages may know its gain. The others are left out.
    """
    laws = evidence_laws(game, plan)
    risks = {}
    for name in plan.learners:
        learner = LEARNERS[name]
        if isinstance(learner, AveragingLearner):
            gain = learner.exact_gain(game)
        elif (law := laws[learner.side]) is not None:
            confidence = learner.exact_confidence(law, game.log2_class_size)
            gain = confidence * policy_gain(learner, game, leashed=False)
        else:
            gain = None
        if gain is not None and not np.isnan(gain):
            risks[name] = game.expert_gain - gain
    return risks
