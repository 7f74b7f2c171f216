"""Learners of the token MDP, one a module, in one registry for each kind."""

from pkgutil import resolve_name
from typing import Any

from verigap.sim.token_mdp.learners.learner import (
    CloningLearner,
    CloningProblem,
    Demonstrations,
    Labels,
    VerificationLearner,
    VerificationProblem,
)

_CLONING_PLACES = (
    "vf_mle:VFMLE",
    "vf_bayes:VFBayes",
    "vf_bayes_mode:VFBayesMode",
)
_VERIFICATION_PLACES = (
    "vb_pessimism:VBPessimism",
    "vb_squared_loss:VBSquaredLoss",
    "vb_top_share:VBTopShare",
    "vb_plug_in:VBPlugIn",
    "vb_best_of_n:VBBestOfN",
)


def _by_name(places: tuple[str, ...]) -> dict[str, Any]:
    """One learner of every class, given as module:name, by the learner's name."""
    learners = [resolve_name(f"{__name__}.{place}")() for place in places]
    return {learner.name: learner for learner in learners}


CLONING_LEARNERS: dict[str, CloningLearner] = _by_name(_CLONING_PLACES)
"""Verifier-free learners of a token MDP by name."""

VERIFICATION_LEARNERS: dict[str, VerificationLearner] = _by_name(_VERIFICATION_PLACES)
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
