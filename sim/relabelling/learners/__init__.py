"""Learners of the relabelling game, one a module; the registry is all the simulator reads."""

from typing import Any

from verigap.sim.relabelling.learners.learner import AveragingLearner, CommittingLearner
from verigap.sim.relabelling.learners.vb_best_of_n import VBBestOfN
from verigap.sim.relabelling.learners.vb_pessimism import VBPessimism
from verigap.sim.relabelling.learners.vb_plug_in import VBPlugIn
from verigap.sim.relabelling.learners.vf_bayes import VFBayes
from verigap.sim.relabelling.learners.vf_mle import VFMLE
from verigap.sim.relabelling.learners.vf_posterior_sampling import VFPosteriorSampling

Learner = CommittingLearner[Any] | AveragingLearner[Any]
"""Whatever does what one of the two protocols asks for, registered here or by a user."""

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
