"""Learners of the token MDP, one a module, in one registry for each kind."""

from verigap.sim.token_mdp.learners.learner import (
    CloningLearner,
    CloningProblem,
    Demonstrations,
    Labels,
    VerificationLearner,
    VerificationProblem,
)
from verigap.sim.token_mdp.learners.vb_best_of_n import VBBestOfN
from verigap.sim.token_mdp.learners.vb_pessimism import VBPessimism
from verigap.sim.token_mdp.learners.vb_plug_in import VBPlugIn
from verigap.sim.token_mdp.learners.vb_squared_loss import VBSquaredLoss
from verigap.sim.token_mdp.learners.vb_top_share import VBTopShare
from verigap.sim.token_mdp.learners.vf_bayes import VFBayes
from verigap.sim.token_mdp.learners.vf_bayes_mode import VFBayesMode
from verigap.sim.token_mdp.learners.vf_mle import VFMLE

CLONING_LEARNERS: dict[str, CloningLearner] = {
    learner.name: learner for learner in (VFMLE(), VFBayes(), VFBayesMode())
}
"""Verifier-free learners of a token MDP by name."""

VERIFICATION_LEARNERS: dict[str, VerificationLearner] = {
    learner.name: learner
    for learner in (VBPessimism(), VBSquaredLoss(), VBTopShare(), VBPlugIn(), VBBestOfN())
}
"""Verifier-based learners of a token MDP by name."""

__all__ = [
    "CLONING_LEARNERS",
    "VERIFICATION_LEARNERS",
    "CloningLearner",
    "CloningProblem",
    "Demonstrations",
    "Labels",
    "VerificationLearner",
    "VerificationProblem",
]
