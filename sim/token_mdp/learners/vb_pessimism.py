"""VB version space + pessimism: the paper's algorithm with the 0/1 loss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from verigap.sim.token_mdp.learners.learner import Labels, VerificationProblem
from verigap.sim.token_mdp.learners.survivors import consistent, pessimistic, played
from verigap.sim.token_mdp.mdp import TokenPolicy


@dataclass(frozen=True)
class VBPessimism:
    """max over density ratios <= 1/c0 of the worst value under the consistent rewards.

    Formal guarantee: VB-UPPER and VB-UPPER-EXPECTATION, docs/theory.md.
    """

    name: ClassVar[str] = "vb-pessimism"
    uses_prompt_law: ClassVar[bool] = True

    def policy(self, problem: VerificationProblem, seen: Labels) -> TokenPolicy:
        """The max-min policy; where several are optimal, the one the solver returns."""
        return played(problem, pessimistic(problem, consistent(problem, seen)).density_ratio)
