"""What a law of per-prompt success says about pass@k beyond the samples."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True, eq=False, kw_only=True)
class SuccessLaw:
    """A fitted law of per-prompt success and what it predicts.

    Attributes:
      name: "power law" or "mixture".
      estimate, low, high: pass@k and its interval for each asked k, shape (K,), each in [0, 1]:
        95 % over prompts of the power law, what the likelihood allows of the mixture.
        What covers both holds the truth about as often as 95 % says; either alone does not.
      values: a and b of the power law; the atoms of the mixture and their weights.
    """

    name: str
    estimate: Float[np.ndarray, " K"]
    low: Float[np.ndarray, " K"]
    high: Float[np.ndarray, " K"]
    values: dict[str, object]
