"""Token-level decision problems, small enough to be solved exactly."""

from __future__ import annotations

from typing import TYPE_CHECKING

from verigap._lazy import lazy_face

if TYPE_CHECKING:
    from verigap.sim.token_mdp.experts import TokenExpert, token_expert
    from verigap.sim.token_mdp.learners import (
        CLONING_LEARNERS,
        VERIFICATION_LEARNERS,
        CloningProblem,
        Demonstrations,
        Labels,
        VerificationProblem,
    )
    from verigap.sim.token_mdp.mdp import (
        TokenPolicy,
        TokenReward,
        return_law,
        token_heterogeneity,
        value,
    )
    from verigap.sim.token_mdp.random_instances import TokenInstance, random_instance
    from verigap.sim.token_mdp.tree import TokenTree

__all__ = [
    "CLONING_LEARNERS",
    "VERIFICATION_LEARNERS",
    "CloningProblem",
    "Demonstrations",
    "Labels",
    "TokenExpert",
    "TokenInstance",
    "TokenPolicy",
    "TokenReward",
    "TokenTree",
    "VerificationProblem",
    "random_instance",
    "return_law",
    "token_expert",
    "token_heterogeneity",
    "value",
]

__getattr__, __dir__ = lazy_face(
    __name__,
    {
        "verigap.sim.token_mdp.experts": (
            "TokenExpert",
            "token_expert",
        ),
        "verigap.sim.token_mdp.learners": (
            "CLONING_LEARNERS",
            "VERIFICATION_LEARNERS",
            "CloningProblem",
            "Demonstrations",
            "Labels",
            "VerificationProblem",
        ),
        "verigap.sim.token_mdp.mdp": (
            "TokenPolicy",
            "TokenReward",
            "return_law",
            "token_heterogeneity",
            "value",
        ),
        "verigap.sim.token_mdp.random_instances": (
            "TokenInstance",
            "random_instance",
        ),
        "verigap.sim.token_mdp.tree": ("TokenTree",),
    },
)
