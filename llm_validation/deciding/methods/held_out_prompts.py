"""Splits of the prompts into those that a method learns from and those that it is valued on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from verigap.llm_validation.deciding.held_out import HeldOut
from verigap.llm_validation.deciding.outcomes import Outcomes
from verigap.llm_validation.pools.policy_values import halves

SPLITS = 8
_STREAM = 37


@dataclass(frozen=True, kw_only=True, eq=False)
class Splits:
    """Random halves in pairs that swap, of each training half as many prompts as may be labelled.

    Attributes:
      train: prompts whose samples are all labelled, of each split.
      held: prompts that are valued.
      labels: the most samples that a split labels, at most the number allowed.
    """

    train: Bool[np.ndarray, "splits P"]
    held: Bool[np.ndarray, "splits P"]
    labels: int

    @classmethod
    def of(cls, found: Outcomes, labels: int, seed: int) -> Splits | None:
        """Splits of the prompts; None where the labels do not suffice for a prompt in every split.

        Args:
          found: the samples.
          labels: the most samples whose verdicts a split may see.
          seed: seed of the splits and of the labelled prompts.
        """
        half = halves(len(found.mask), seeds=SPLITS, seed=seed)
        train = np.zeros_like(half)
        for split, allowed in enumerate(half):
            order = np.random.default_rng([seed, _STREAM, split]).permutation(len(allowed))
            order = order[allowed[order]]
            train[split, order[np.cumsum(found.sizes[order]) <= labels]] = True
        if not train.any(axis=1).all():
            return None
        spent = (train * found.sizes).sum(axis=1).max()
        return cls(train=train, held=~half, labels=int(spent))

    def __iter__(self) -> Iterator[tuple[int, Bool[np.ndarray, " P"], Bool[np.ndarray, " P"]]]:
        """Number, labelled prompts and valued prompts of each split."""
        return iter((i, *pair) for i, pair in enumerate(zip(self.train, self.held, strict=True)))

    def held_out(self, by_split: Float[np.ndarray, "splits P"]) -> HeldOut:
        """Means over the splits that hold a prompt out.

        Args:
          by_split: values of each prompt; what stands where it is not held out is not used.
        """
        return HeldOut.of(by_split, self.held)
