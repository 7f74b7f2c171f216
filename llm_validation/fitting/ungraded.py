"""What ungraded samples leave open: the mean and pass@k with all of them wrong and all right."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from verigap.llm_validation.fitting.pass_at_k import largest_measured, pass_at_k


@dataclass(frozen=True)
class UngradedBounds:
    """Bounds over all prompts and samples of a group, the ungraded ones included.

    Attributes:
      ungraded: how many samples have no verdict.
      samples: how many samples there are.
      mean_correct: mean over prompts of the share of correct samples, with every ungraded sample
        wrong and with every one right.
      pass_at_k: the same two for pass@k, by k, as far as every prompt has k samples.
    """

    ungraded: int
    samples: int
    mean_correct: tuple[float, float]
    pass_at_k: dict[int, tuple[float, float]]

    def sentence(self) -> str:
        """One line for people."""
        low, high = self.mean_correct
        text = (
            f"{self.ungraded} of {self.samples} samples are ungraded and left out: with all of "
            f"them wrong the mean is {low:.4g}, with all right {high:.4g}"
        )
        k = max(self.pass_at_k)
        if k > 1:
            low, high = self.pass_at_k[k]
            text += f" (pass@{k}: {low:.4g} to {high:.4g})"
        return text


def ungraded_bounds(
    correct: Int[np.ndarray, " P"],
    graded: Int[np.ndarray, " P"],
    ungraded: Int[np.ndarray, " P"],
) -> UngradedBounds | None:
    """The bounds of a group; None where every sample is graded.

    Args:
      correct: correct samples of each prompt.
      graded: graded samples of each, at least `correct`.
      ungraded: samples of each without a verdict; each prompt has a sample.
    """
    if not ungraded.any():
        return None
    samples = graded + ungraded
    ends = [
        pass_at_k(right, samples, largest_measured(samples)).mean(axis=0)
        for right in (correct, correct + ungraded)
    ]
    by_k = {
        k: (float(low), float(high)) for k, (low, high) in enumerate(zip(*ends, strict=True), 1)
    }
    return UngradedBounds(int(ungraded.sum()), int(samples.sum()), by_k[1], by_k)
