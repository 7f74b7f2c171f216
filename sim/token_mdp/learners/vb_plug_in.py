"""VB plug-in: trusts one consistent reward and conditions the base on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from jaxtyping import Array, Float

from verigap.sim.token_mdp.learners.learner import VerificationProblem
from verigap.sim.token_mdp.learners.survivors import TrustsOneSurvivor
from verigap.theory import RewardLaw, chi2_ball_expert, conditional_policy


@dataclass(frozen=True)
class VBPlugIn(TrustsOneSurvivor):
    """The base given R >= J*(kappa) under the trusted reward.

    Formal guarantee: VB-UPPER-PLUG-IN, docs/theory.md, if J*_x(kappa) is the same under every
    reward of the class; none without.
    """

    name: ClassVar[str] = "vb-plug-in"
    uses_prompt_law: ClassVar[bool] = False

    def ratio(self, problem: VerificationProblem, law: RewardLaw) -> Float[Array, "prompts K"]:
        """1/P(R >= J*) on the returns that reach J*, else 0."""
        return conditional_policy(law, chi2_ball_expert(law, problem.chi2_radius).value)
