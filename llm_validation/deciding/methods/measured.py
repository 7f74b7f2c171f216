"""What a way to spend samples on a prompt earns, and what it was given to do so."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from verigap.llm_validation.deciding.outcomes import Outcomes


@dataclass(frozen=True, kw_only=True, eq=False)
class MeasuredMethod:
    """A method on the P prompts of a group, in the mean over its draws of samples.

    Attributes:
      method: its name.
      values: mean accuracy on each prompt.
      samples: mean number of samples drawn on each prompt.
      tokens: mean tokens sampled on each prompt; NaN where lengths are unknown.
      labels: samples of other prompts whose verdicts it learned from.
      checks: mean number of verdicts asked for on each prompt when it is answered.
      shifts: how much the mean moves with the prompts it learned from, see `HeldOut`; empty for
        what learns nothing.
    """

    method: str
    values: Float[np.ndarray, " P"]
    samples: Float[np.ndarray, " P"]
    tokens: Float[np.ndarray, " P"]
    labels: int = 0
    checks: float = 0.0
    shifts: Float[np.ndarray, " pairs"] | None = None


def mean_lengths(found: Outcomes) -> Float[np.ndarray, " P"]:
    """Mean tokens of a sample of each prompt; NaN where a length is not known."""
    length = np.where(found.mask, found.length, 0.0)
    return length.sum(axis=1) / found.sizes


def of_all_candidates(
    method: str,
    found: Outcomes,
    values: Float[np.ndarray, " P"],
    n: int,
    *,
    checked: bool = False,
    labels: int = 0,
    shifts: Float[np.ndarray, " pairs"] | None = None,
) -> MeasuredMethod:
    """A method that draws N samples of every prompt, whatever they are.

    Args:
      method: its name.
      found: the samples.
      values: mean accuracy on each prompt.
      n: N.
      checked: whether it asks for the verdict of each.
      labels: verdicts of samples of other prompts that it learned from.
      shifts: see `MeasuredMethod`.
    """
    return MeasuredMethod(
        method=method,
        values=values,
        samples=np.full(len(values), float(n)),
        tokens=n * mean_lengths(found),
        labels=labels,
        checks=float(n) if checked else 0.0,
        shifts=shifts,
    )
