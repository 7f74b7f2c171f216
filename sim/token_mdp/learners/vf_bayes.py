"""VF-Bayes: the posterior-average policy of a finite class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from verigap.sim.token_mdp.classes import mixture
from verigap.sim.token_mdp.learners.learner import CloningProblem, Demonstrations
from verigap.sim.token_mdp.learners.likelihood import posterior
from verigap.sim.token_mdp.mdp import TokenPolicy


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
