"""A reward estimate that tells traces apart next to nowhere, for VB-UPPER-MEAN-SQUARE.

On every prompt some of K equally likely traces are good. The estimate says the mean return of all,
so that it underrates the good ones and overrates the others. But one trace, drawn with each data
set, it overrates in any case, by as much as it is off there: its root mean square error is always
epsilon_R. Pessimism stays near the base then, and loses what the good traces earn over it.

Best-of-N plays the worst of N draws that the estimate does not tell apart. It loses most where the
returns of the others fall like its density ratio to the base, which for N = 1 are all alike.
Proofs: docs/theory.md#vb-upper-mean-square and #vb-upper-mean-square-best-of-n.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Annotated, Literal

import numpy as np
from jaxtyping import Float
from pydantic import Field, model_validator

from verigap.sim.tight.game import Returns, Tally, TightGame


class FlatEstimate(TightGame):
    """Parameters and the learners vb-pessimism and vb-best-of-n, which are told the estimate.

    Pessimism is the policy of `theory.policies.chi2_penalised_policy`. Best-of-N breaks ties badly.

    Attributes:
      data_budget: n, which means nothing here: the estimate is given.
      reward_error: epsilon_R, tokens.
      c0: share of the traces that are good, at most one half.
      atoms: K, equally likely traces, of which c0 K are good.
      num_candidates: N.
    """

    game: Literal["flat-estimate"] = "flat-estimate"
    data_budget: Annotated[int, Field(ge=1, le=10_000_000)] = 1
    reward_error: Annotated[float, Field(gt=0)]
    c0: Annotated[float, Field(gt=0, le=0.5)] = 0.5
    atoms: Annotated[int, Field(ge=2, le=1024)] = 64
    num_candidates: Annotated[int, Field(ge=1, le=1024)] = 1

    @model_validator(mode="after")
    def _consistent(self) -> FlatEstimate:
        if self._good < 1 or abs(self._good - self.c0 * self.atoms) > 1e-9 * self.atoms:
            raise ValueError("c0: c0 times `atoms` must be a whole number, of good traces")
        highest = self._level + 2.0 * self._gain
        if highest > self.horizon * (1.0 + 1e-9):
            most = self.reward_error * self.horizon / highest
            raise ValueError(
                f"reward_error: must be at most {most:g} here, so that returns and estimates lie "
                "between 0 and the horizon"
            )
        return self

    @property
    def class_bits(self) -> float:
        """One estimate."""
        return 0.0

    @property
    def estimate_error(self) -> float:
        """epsilon_R, tokens."""
        return self.reward_error

    @property
    def draws_of_best(self) -> int:
        """N."""
        return self.num_candidates

    @property
    def coverage(self) -> float:
        """The share of the good traces."""
        return self._good / self.atoms

    @property
    def expert_radius(self) -> float:
        """The expert plays the good traces alike."""
        return self.atoms / self._good - 1.0

    @property
    def returns(self) -> Returns:
        """From 0 for the worst trace to those that are good."""
        others = self._level - self._scale * self._others
        return ((*map(float, others), *[self._level + self._gain] * self._good),)

    @property
    def _good(self) -> int:
        """How many traces are good."""
        return round(self.c0 * self.atoms)

    def _picked(self, left: int) -> Float[np.ndarray, " others"]:
        """Chance that best-of-N plays each of the other traces, worst first.

        Args:
          left: how many traces the estimate does not tell apart; those beyond are preferred.
        """
        draws, others = self.num_candidates, self.atoms - self._good
        # In whole numbers, so that what is equal is so to the last digit.
        within = [(left - place) ** draws for place in range(others + 1)]
        every = self.atoms**draws
        return np.asarray([(more - fewer) / every for more, fewer in pairwise(within)])

    @property
    def _others(self) -> Float[np.ndarray, " others"]:
        """How far the other traces lie below the estimate, in units of `_scale`, worst first."""
        return self.atoms * self._picked(self.atoms)

    @property
    def _above(self) -> float:
        """How far the good ones lie above it, in the same units."""
        return 1.0 / self.coverage - self.coverage ** (self.num_candidates - 1)

    @property
    def _scale(self) -> float:
        """What makes the root mean square error epsilon_R, tokens."""
        square = self.coverage * self._above**2 + float(np.sum(self._others**2)) / self.atoms
        return self.reward_error / math.sqrt(square)

    @property
    def _level(self) -> float:
        """The estimate, and the mean return: what makes the worst trace worthless, tokens."""
        return self._scale * float(self._others[0])

    @property
    def _gain(self) -> float:
        """What a good trace earns over the base, tokens."""
        return self._scale * self._above

    def _risks(self) -> dict[str, Float[np.ndarray, " overrated"]]:
        """Losses where the overrated trace is one of the others, and where it is good."""
        # The density ratio of the good trace that is told apart, under the penalised policy.
        penalty = self.reward_error / math.sqrt(self.expert_radius)
        ratio = min(1.0 + (1.0 - 1.0 / self.atoms) * 2.0 * self._gain / penalty, float(self.atoms))
        found = (ratio - 1.0) / (self.atoms - 1.0)
        below = self._gain + self._scale * self._others
        best_of_n = [float(self._picked(self.atoms - told) @ below) for told in (0, 1)]
        return {
            "vb-pessimism": self._gain * np.asarray([1.0, 1.0 - found]),
            "vb-best-of-n": np.asarray(best_of_n),
        }

    def play(self, generator: np.random.Generator, replicates: int) -> dict[str, Tally]:
        """Both learners, on the same estimates."""
        good = (generator.integers(self.atoms, size=replicates) < self._good).astype(int)
        return {name: Tally.of(losses[good]) for name, losses in self._risks().items()}

    def exact_risks(self) -> dict[str, float]:
        """The two losses, by how often a good trace is drawn."""
        chances = np.asarray([1.0 - self.coverage, self.coverage])
        return {name: float(chances @ losses) for name, losses in self._risks().items()}
