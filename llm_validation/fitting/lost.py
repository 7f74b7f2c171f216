"""Correctness that is lost again: traces that were right at some place and end wrong."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from verigap.llm_validation.fitting.pass_at_k import largest_measured, pass_at_k


@dataclass(frozen=True)
class LostCorrectness:
    """Both readings of "correct" where they differ.

    Attributes:
      lost: correct samples whose last answer is wrong.
      correct: samples that are correct at some place, the reading of every fit.
      mean_correct: mean over prompts of the share correct at some place, and correct at the end.
      pass_at_k: the same two for pass@k, by k, as far as every prompt has k samples.
    """

    lost: int
    correct: int
    mean_correct: tuple[float, float]
    pass_at_k: dict[int, tuple[float, float]]

    def sentence(self) -> str:
        """One line for people."""
        once, at_end = self.mean_correct
        return (
            f"{self.lost} of {self.correct} correct traces lose their right answer again, so "
            f"returns are not bi-level: mean correct {once:.4g} at some place (as used here), "
            f"{at_end:.4g} at the end"
        )


def lost_correctness(
    correct: Int[np.ndarray, " P"], lost: Int[np.ndarray, " P"], samples: Int[np.ndarray, " P"]
) -> LostCorrectness | None:
    """Both readings of a group; None where nothing is known to be lost.

    Args:
      correct: correct samples of each prompt.
      lost: those of them whose last answer is wrong.
      samples: graded samples of each, at least 1.
    """
    if not lost.any():
        return None
    largest = largest_measured(samples)
    readings = [pass_at_k(c, samples, largest).mean(axis=0) for c in (correct, correct - lost)]
    by_k = {
        k: (float(once), float(at_end))
        for k, (once, at_end) in enumerate(zip(*readings, strict=True), 1)
    }
    return LostCorrectness(int(lost.sum()), int(correct.sum()), by_k[1], by_k)
