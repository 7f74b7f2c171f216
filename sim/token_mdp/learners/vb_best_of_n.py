"""VB best-of-N: samples N base traces and keeps the one a consistent reward ranks first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from jaxtyping import Array, Float

from verigap.sim.token_mdp.learners.learner import VerificationProblem
from verigap.sim.token_mdp.learners.survivors import TrustsOneSurvivor
from verigap.theory import RewardLaw, best_of_n_policy


@dataclass(frozen=True)
class VBBestOfN(TrustsOneSurvivor):
    """The exact law of the best of N base traces under the trusted reward.

    Formal guarantee: VB-UPPER-BEST-OF-N, docs/theory.md, for each survivor.

    Attributes:
      samples: N >= 1.
    """

    samples: int = 4
    name: ClassVar[str] = "vb-best-of-n"
    uses_prompt_law: ClassVar[bool] = False

    def ratio(self, problem: VerificationProblem, law: RewardLaw) -> Float[Array, "prompts K"]:
        """Density ratio of best-of-N, at most N; equally good draws are equally likely."""
        return best_of_n_policy(law, float(self.samples))
