"""Learners of the relabelling game, one a module; the registry is all the simulator reads."""

from pkgutil import resolve_name
from typing import Any

from verigap.sim.relabelling.learners.learner import AveragingLearner, CommittingLearner

Learner = CommittingLearner[Any] | AveragingLearner[Any]
"""Whatever does what one of the two protocols asks for, registered here or by a user."""

_PLACES = (
    "vf_bayes:VFBayes",
    "vf_mle:VFMLE",
    "vf_posterior_sampling:VFPosteriorSampling",
    "vb_pessimism:VBPessimism",
    "vb_plug_in:VBPlugIn",
    "vb_best_of_n:VBBestOfN",
)
"""The class of every learner, as module:name, in the order of tables."""

LEARNERS: dict[str, Learner] = {
    learner.name: learner
    for learner in (resolve_name(f"{__name__}.{place}")() for place in _PLACES)
}
"""Every learner of the relabelling game by its name."""

__all__ = ["LEARNERS", "AveragingLearner", "CommittingLearner", "Learner"]
