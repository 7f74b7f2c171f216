"""A mean risk together with how it was computed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Method = Literal["closed form", "lattice approximation", "simulation"]
"""How a risk was computed: by a sum over all cases, between the ends that scores on a grid leave,
or as a sample mean."""


@dataclass(frozen=True, kw_only=True)
class Risk:
    """Mean suboptimality of one learner against the expert.

    Attributes:
      value: of the risk, in the unit of the returns; negative where the learner beats the expert.
        Of a lattice approximation, the middle of its ends.
      method: set by the code that computed it; a small standard error does not make it exact.
      standard_error: of the mean of a simulation, in the unit of the returns; otherwise None.
      replicates: independent data sets of a simulation; otherwise None.
      low, high: ends between which the risk of a lattice approximation lies; otherwise None.
    """

    value: float
    method: Method
    standard_error: float | None = None
    replicates: int | None = None
    low: float | None = None
    high: float | None = None
