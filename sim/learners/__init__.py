"""Learners of the relabelling game, one a module; the registry is all the simulator reads."""

from verigap.sim.learners.learner import AveragingLearner, CommittingLearner
from verigap.sim.learners.vb_best_of_n import VBBestOfN
from verigap.sim.learners.vb_pessimism import VBPessimism
from verigap.sim.learners.vb_plug_in import VBPlugIn
from verigap.sim.learners.vf_bayes import VFBayes
from verigap.sim.learners.vf_mle import VFMLE
from verigap.sim.learners.vf_posterior_sampling import VFPosteriorSampling

Learner = VFBayes | VFMLE | VFPosteriorSampling | VBPessimism | VBPlugIn | VBBestOfN

LEARNERS: dict[str, Learner] = {
    learner.name: learner
    for learner in (
        VFBayes(),
        VFMLE(),
        VFPosteriorSampling(),
        VBPessimism(),
        VBPlugIn(),
        VBBestOfN(),
    )
}
"""Every learner of the relabelling game by its name."""

__all__ = ["LEARNERS", "AveragingLearner", "CommittingLearner", "Learner"]
