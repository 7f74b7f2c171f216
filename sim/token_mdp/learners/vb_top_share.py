"""VB top share: trusts one consistent reward and plays its best c0-share of the base."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from jaxtyping import Array, Float

from verigap.sim.token_mdp.learners.learner import VerificationProblem
from verigap.sim.token_mdp.learners.survivors import TrustsOneSurvivor
from verigap.theory import RewardLaw, top_share_policy


@dataclass(frozen=True)
class VBTopShare(TrustsOneSurvivor):
    """The best policy of density ratio <= 1/c0 under the trusted reward.

    Formal guarantee: the bounds of VB-UPPER and VB-UPPER-EXPECTATION without pessimism
    (VB-UPPER-PLUG-IN, part 1, docs/theory.md), for each survivor.
    """

    name: ClassVar[str] = "vb-top-share"
    uses_prompt_law: ClassVar[bool] = False

    def ratio(self, problem: VerificationProblem, law: RewardLaw) -> Float[Array, "prompts K"]:
        """1/c0 on the best returns, the last of them split."""
        return top_share_policy(law, problem.coverage)
