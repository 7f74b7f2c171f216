"""What a fine-tuning run is asked for, and how it says how far it is."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from verigap.llm_validation.finetuning.cloning import Recipe
from verigap.storage.progress import Progress


@dataclass(frozen=True)
class FinetuneOptions:
    """What to train and how to score it.

    Attributes:
      data_budgets: distinct n, ascending: demonstrations of the cloner, labelled traces of the
        head.
      repetitions: splits of the prompts into halves, pairs of them swapped; and training data.
      samples: of each held-out prompt by each clone.
      num_candidates: N of best-of-N and of the vote.
      chi2_radius: chi-square radius kappa of the expert and of the leashed policies.
      recipe: how clones are fine-tuned.
      batch_size: traces sampled at a time.
      seed: seed of all randomness.

    Raises:
      ValueError: on construction, if a number is out of range.
    """

    data_budgets: tuple[int, ...]
    repetitions: int = 2
    samples: int = 32
    num_candidates: int = 8
    chi2_radius: float = 1.0
    recipe: Recipe = field(default_factory=Recipe)
    batch_size: int = 128
    seed: int = 0

    def __post_init__(self) -> None:
        recipe = self.recipe
        budgets = self.data_budgets
        if not budgets or min(budgets) < 1 or list(budgets) != sorted(set(budgets)):
            raise ValueError("data_budgets: expected ascending numbers of traces from 1 on")
        for name, value, least in (
            ("repetitions", self.repetitions, 1),
            ("samples", self.samples, 1),
            ("num_candidates", self.num_candidates, 1),
            ("batch_size", self.batch_size, 1),
            ("seed", self.seed, 0),
            ("epochs", recipe.epochs, 1),
            ("train_batch_size", recipe.batch_size, 1),
        ):
            if value < least:
                raise ValueError(f"{name}: expected at least {least}, not {value}")
        for name, value in (
            ("chi2_radius", self.chi2_radius),
            ("learning_rate", recipe.learning_rate),
        ):
            if not 0 < value < float("inf"):
                raise ValueError(f"{name}: expected a number above 0, not {value}")


class Meter:
    """Counts work done, in readings of a trace, and reports it."""

    def __init__(self, total: int, report: Callable[[Progress], None] | None) -> None:
        self._total, self._report = total, report
        self._start, self._done, self._doing = time.monotonic(), 0, ""

    def begin(self, doing: str) -> None:
        """Name what takes long from now on."""
        self._doing = doing

    def advance(self, work: int) -> None:
        """Add finished work."""
        self._done += work
        if self._report is None:
            return
        seconds = time.monotonic() - self._start
        eta = seconds * (self._total / self._done - 1) if self._done else None
        self._report(Progress(done=self._done, total=self._total, doing=self._doing, eta=eta))
