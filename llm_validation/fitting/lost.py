"""Correctness that is lost again: traces that were right at some place and end wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

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

    def content(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {
            "lost": self.lost,
            "correct": self.correct,
            "mean_correct": _readings(self.mean_correct),
            "pass_at_k": {str(k): _readings(pair) for k, pair in self.pass_at_k.items()},
        }


class BiLevel(NamedTuple):
    """Whether traces that are correct at one place stay correct, as the theory takes them to do.

    Attributes:
      status: "holds" where every correct trace also ends correct, "fails" where one does not, and
        "unchecked" where nobody knows of some, as with one grade for a whole trace.
      lost: both readings of "correct" where it fails, else None.
    """

    status: Literal["holds", "fails", "unchecked"] = "unchecked"
    lost: LostCorrectness | None = None

    def content(self) -> dict[str, Any]:
        """Two entries of a group, ready for JSON."""
        lost = None if self.lost is None else self.lost.content()
        return {"bi_level": self.status, "lost_correctness": lost}


UNCHECKED = BiLevel()
"""Of samples of which nothing is known."""


def _readings(pair: tuple[float, float]) -> dict[str, float]:
    return {"at_some_place": pair[0], "at_end": pair[1]}


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
