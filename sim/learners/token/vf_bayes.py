"""VF-Bayes: the posterior-average policy of a finite class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from verigap.sim.games.token_classes import mixture
from verigap.sim.games.token_mdp import TokenPolicy
from verigap.sim.learners.token.learner import CloningProblem, Demonstrations
from verigap.sim.learners.token.likelihood import posterior


@dataclass(frozen=True)
class VFBayes:
    """Averages the candidates' trace laws over the posterior.

    The best prediction of the next demonstration on average over the class, in log-loss. Its value
    is the mean value of a candidate drawn from the posterior.
    """

    name: ClassVar[str] = "vf-bayes"

    def policy(self, problem: CloningProblem, seen: Demonstrations) -> TokenPolicy:
        """The posterior mixture, as an autoregressive policy."""
        return mixture(problem.candidates, posterior(problem, seen), problem.base)
