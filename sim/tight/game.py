"""What a tight game is: an instance on which some bound is nearly met, with learners of its own.

A game is its parameters. It holds its class of rivals, plays its learners, and knows their exact
mean risks; a sweep draws it as often as it likes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Annotated, ClassVar, Literal, NamedTuple

import numpy as np
from jaxtyping import Float
from pydantic import BaseModel, ConfigDict, Field

MOST_REPLICATES = 10_000_000
"""Data sets that a game may play one by one."""


Returns = tuple[tuple[float, ...], ...]
"""True returns of the equally likely kinds of base traces of every prompt, ascending, tokens."""


class Tally(NamedTuple):
    """Risks of one learner over independent data sets.

    Attributes:
      risks: the distinct ones, ascending, tokens.
      counts: how many data sets had each.
    """

    risks: Float[np.ndarray, " outcomes"]
    counts: Float[np.ndarray, " outcomes"]

    @classmethod
    def of(cls, risks: Float[np.ndarray, " replicates"]) -> Tally:
        """The tally of one risk a data set."""
        values, counts = np.unique(risks, return_counts=True)
        return cls(values, counts.astype(float))

    @property
    def mean(self) -> float:
        """Mean risk, tokens."""
        return float(self.risks @ self.counts / self.counts.sum())

    @property
    def variance(self) -> float:
        """Unbiased variance of the risk of a data set, tokens squared."""
        spread = self.counts @ (self.risks - self.mean) ** 2
        return float(spread / (self.counts.sum() - 1.0))


class TightGame(BaseModel, ABC):
    """Parameters that all tight games have; a subclass adds its own and the learners.

    The base plays each of K kinds of traces alike. The expert plays the best kind.

    Attributes:
      horizon: H, tokens.
      data_budget: n, expert traces for cloning, labelled base traces for verification.
      failure_probability: delta of the bounds that have one.
      most_replicates: data sets that one cell may draw.
      bounds_game: what kind of game the assumptions of bounds take it for.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    most_replicates: ClassVar[int] = MOST_REPLICATES
    bounds_game: ClassVar[Literal["relabelling", "same-levels", "other"]] = "other"

    horizon: Annotated[int, Field(ge=2, le=1 << 30)]
    data_budget: Annotated[int, Field(ge=1, le=10_000_000)]
    failure_probability: Annotated[float, Field(gt=0, lt=1)] = 0.05

    @property
    def name(self) -> str:
        """Its name in configurations, the only value that its parameter `game` may have."""
        return type(self).model_fields["game"].default

    @property
    @abstractmethod
    def class_bits(self) -> float:
        """d, log2 of the class size, bits."""

    @property
    @abstractmethod
    def returns(self) -> Returns:
        """True returns of the K kinds of base traces, a tuple a prompt, prompts equally likely."""

    @property
    def expert_radius(self) -> float:
        """Chi-square radius of the expert around the base: by default it plays the best kind."""
        return len(self.returns[0]) - 1.0

    @property
    def expert_value(self) -> float:
        """J(expert), tokens."""
        return sum(kinds[-1] for kinds in self.returns) / len(self.returns)

    @property
    def coverage(self) -> float:
        """Base mass of the traces that the expert plays, c0."""
        return 1.0 / len(self.returns[0])

    @property
    def label_errors(self) -> float:
        """eta: base mass of the traces that the check labels wrongly, always."""
        return 0.0

    @property
    def label_flips(self) -> float:
        """f: chance that a label is wrong, anew for each label."""
        return 0.0

    @property
    def estimate_error(self) -> float:
        """epsilon_R: root mean square error of the reward estimate that stands in place of labels.

        Tokens; 0 where learners see labels.
        """
        return 0.0

    @property
    def missed_expert(self) -> float:
        """chi^2: how far the class of a cloning learner misses the expert; 0 where it holds it."""
        return 0.0

    @property
    def draws_of_best(self) -> int:
        """N of best-of-N; 1 where nobody plays it."""
        return 1

    @abstractmethod
    def play(self, generator: np.random.Generator, replicates: int) -> dict[str, Tally]:
        """Risks of every learner over independent data sets, by the name that bounds call it.

        Args:
          generator: randomness.
          replicates: number of data sets, at least 2 and at most `most_replicates`.
        """

    @abstractmethod
    def exact_risks(self) -> dict[str, float]:
        """Mean risk of every learner, tokens."""
