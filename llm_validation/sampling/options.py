"""How much to sample, and how."""

from __future__ import annotations

from dataclasses import dataclass

from verigap.llm_validation.sampling.engine import Decoding
from verigap.llm_validation.sampling.first_correct import FIRST_MENTION, MODES


@dataclass(frozen=True)
class SampleOptions:
    """How much to sample, and how.

    Attributes:
      samples: of each problem.
      max_tokens: H, at most so many tokens a sample.
      temperature: 1 samples from the model's own law.
      seed: of all draws.
      batch_size: samples made at a time.
      first_correct: one of `first_correct.MODES`.
      grid: prefix lengths of forced answers; None for eighths of `max_tokens`.
      workers: grading processes.
      timeout: seconds to grade one answer.
    """

    samples: int
    max_tokens: int
    temperature: float = 1.0
    seed: int = 0
    batch_size: int = 64
    first_correct: str = FIRST_MENTION
    grid: tuple[int, ...] | None = None
    workers: int = 2
    timeout: float = 10.0

    def __post_init__(self) -> None:
        for name in ("samples", "batch_size", "workers"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: expected at least 1, not {getattr(self, name)}")
        if not 0 < self.timeout < float("inf"):
            raise ValueError(f"timeout: expected seconds, not {self.timeout}")
        if self.seed < 0:
            raise ValueError(f"seed: expected 0 or more, not {self.seed}")
        if self.first_correct not in MODES:
            raise ValueError(
                f"first_correct: unknown {self.first_correct!r}; use {' or '.join(MODES)}"
            )
        if self.grid is not None:
            if self.first_correct == FIRST_MENTION:
                raise ValueError("grid: of no use where first_correct is first-mention; drop it")
            if not self.grid or min(self.grid) < 1 or list(self.grid) != sorted(set(self.grid)):
                raise ValueError("grid: expected ascending token counts from 1 on")
        Decoding(self.max_tokens, self.temperature)
