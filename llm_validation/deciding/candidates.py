"""Sets of N candidates drawn from the samples of a prompt, and what a group of equal answers earns.

Every arm at N sees these N samples of a prompt and no others.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, Int

from verigap.llm_validation.deciding.outcomes import Outcomes, numbered

DRAWS = 400
_FEWEST_DRAWS = 8
# Samples in all sets of one N together.
_WORK = 250_000
_SHARE = 0.95


def largest_common(sizes: Int[np.ndarray, " P"]) -> int:
    """The largest N that at least 95 % of the prompts have samples for."""
    return int(np.sort(sizes)[::-1][int(np.ceil(_SHARE * sizes.size)) - 1])


def candidate_counts(largest: int, wanted: int) -> tuple[int, ...]:
    """1, 2, 4, ..., the largest N, and the one that is wanted if there are samples for it."""
    powers = {2**power for power in range(largest.bit_length())}
    return tuple(sorted(powers | {largest, min(wanted, largest)}))


def draws_of(prompts: int, n: int) -> int:
    """Sets of N that are drawn of each prompt: 8 to 400, so that the work stays bounded."""
    return int(np.clip(_WORK // (prompts * n), _FEWEST_DRAWS, DRAWS))


def draw_order(
    mask: Bool[np.ndarray, "P K"], largest: int, seed: int
) -> Int[np.ndarray, "P R largest"]:
    """Distinct samples of each prompt in random order, R times; the first N are a set of N.

    R is that of the smallest set, at most 400 and less for large tables; see `draws_of`.

    Args:
      mask: whether there is a sample; each prompt has at least `largest`.
      largest: the largest N.
      seed: seed of the draws; a prompt's draws depend on its place in the table.
    """
    prompts = len(mask)
    draws = draws_of(prompts, 1)
    order = np.empty((prompts, draws, largest), np.int32)
    for prompt, present in enumerate(mask):
        rng = np.random.default_rng([seed, 7, prompt])
        places = np.flatnonzero(present).astype(np.int32)
        keys = rng.random((draws, places.size))
        if largest < places.size:
            # A random set first, then a random order within it.
            chosen = np.argpartition(keys, largest - 1, axis=1)[:, :largest]
            within = np.argsort(np.take_along_axis(keys, chosen, axis=1), axis=1)
            chosen = np.take_along_axis(chosen, within, axis=1)
        else:
            chosen = np.argsort(keys, axis=1)
        order[prompt] = places[chosen]
    return order


@dataclass(frozen=True, eq=False, kw_only=True)
class Candidates:
    """R sets of N candidates of each prompt, and the groups of equal answers within each set.

    Attributes:
      index: which samples are in each set.
      answer: a number from 0 for each distinct answer of a set, -1 for none.
    """

    index: Int[np.ndarray, "P R N"]
    answer: Int[np.ndarray, "P R N"]

    @classmethod
    def of(cls, found: Outcomes, order: Int[np.ndarray, "P R largest"], n: int) -> Candidates:
        """The first N of each order; one order is enough where all samples are taken."""
        prompts, most = order.shape[:2]
        draws = 1 if (found.sizes == n).all() else draws_of(prompts, n)
        index = order[:, : min(draws, most), :n]
        return cls(index=index, answer=numbered(gather(found.answer, index)))

    def of_prompts(self, chosen: Bool[np.ndarray, " P"]) -> Candidates:
        """The same of some prompts."""
        return Candidates(index=self.index[chosen], answer=self.answer[chosen])

    @cached_property
    def groups(self) -> int:
        """The most distinct answers of a set."""
        return int(self.answer.max(initial=-1)) + 1

    @cached_property
    def counts(self) -> Float[np.ndarray, "P R groups"]:
        """Candidates with each answer."""
        return self.sums(np.ones(self.answer.shape))

    def sums(self, values: Float[np.ndarray, "P R N"]) -> Float[np.ndarray, "P R groups"]:
        """Sum of values over each group of equal answers."""
        shape = (*self.index.shape[:2], self.groups + 1)
        total = np.bincount(self._cell.ravel(), values.ravel(), minlength=int(np.prod(shape)))
        return total.reshape(shape)[:, :, :-1]

    def agreement(self) -> Float[np.ndarray, "P R N"]:
        """Share of the other N - 1 candidates that give the same answer; 0 without an answer."""
        if not self.groups:
            return np.zeros(self.answer.shape)
        count = np.take_along_axis(self.counts, np.maximum(self.answer, 0), axis=2)
        others = max(self.answer.shape[2] - 1, 1)
        return np.where(self.answer >= 0, (count - 1.0) / others, 0.0)

    def shortest_of_group(self, length: Float[np.ndarray, "P R N"]) -> Bool[np.ndarray, "P R N"]:
        """Whether no candidate with the same answer is shorter; unknown lengths are the longest."""
        known = np.where(np.isnan(length), np.inf, length)
        least = np.full(int(np.prod(self.index.shape[:2])) * (self.groups + 1), np.inf)
        np.minimum.at(least, self._cell.ravel(), known.ravel())
        return (self.answer >= 0) & (known <= least[self._cell])

    @cached_property
    def _cell(self) -> Int[np.ndarray, "P R N"]:
        """The place of each candidate's group among the groups of all sets, no answer the last."""
        sets = np.arange(int(np.prod(self.index.shape[:2]))).reshape(*self.index.shape[:2], 1)
        group = np.where(self.answer >= 0, self.answer, self.groups)
        return sets * (self.groups + 1) + group


def gather(values: np.ndarray, index: Int[np.ndarray, "P R N"]) -> np.ndarray:
    """The values of the candidates, from those of all samples."""
    return values[np.arange(index.shape[0])[:, None, None], index]
