"""Sets of N candidates drawn from the samples of a prompt, and what a group of equal answers earns.

Every arm at N sees these N samples of a prompt and no others.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np
from jaxtyping import Bool, Float, Int

from verigap.llm_validation.deciding.outcomes import Outcomes, numbered

DRAWS = 400
_FEWEST_DRAWS = 8
# Samples in all sets of one N together: of random sets, and where all sets are taken.
_WORK = 250_000
_WORK_OF_ALL = 4 * _WORK
# How often each sample may come up in a round of sets.
_ROUNDS = 2
# Of the prompts that have samples for an N: for one that nobody asked for, and for one asked for.
_SHARE, _SHARE_ASKED = 0.95, 0.5


def largest_common(sizes: Int[np.ndarray, " P"], wanted: int = 1) -> int:
    """The largest N that at least 95 % of the prompts have samples for, or 50 % if it is wanted.

    Args:
      sizes: samples of each prompt.
      wanted: the N that is asked for; a smaller one that half of the prompts have is taken for it.

    Example:
      >>> import numpy as np
      >>> from verigap.llm_validation.deciding.candidates import largest_common
      >>> sizes = np.array([1, 6, 6, 6])
      >>> [largest_common(sizes, wanted) for wanted in (1, 4, 8)]
      [1, 4, 6]
    """
    descending = np.sort(sizes)[::-1]
    common, half = (
        int(descending[int(np.ceil(share * sizes.size)) - 1]) for share in (_SHARE, _SHARE_ASKED)
    )
    return max(common, min(wanted, half))


def candidate_counts(largest: int, wanted: int) -> tuple[int, ...]:
    """1, 2, 4, ..., the largest N, and the one that is wanted if there are samples for it."""
    powers = {2**power for power in range(largest.bit_length())}
    return tuple(sorted(powers | {largest, min(wanted, largest)}))


def draws_of(prompts: int, n: int) -> int:
    """Sets of N that are drawn of each prompt: 8 to 400, so that the work stays bounded."""
    return int(np.clip(_WORK // (prompts * n), _FEWEST_DRAWS, DRAWS))


def candidate_sets(
    samples: int, n: int, draws: int, rng: np.random.Generator, *, every: bool
) -> Int[np.ndarray, "R N"]:
    """Sets of N of the samples of one prompt, in random order; each counts as much as another.

    All sets where they are few. Else random ones and, where rounds of at most twice the samples
    make whole sets, such that each sample is in as many sets as any other: then a random one of N
    earns just what one sample earns, and so does a vote of two who must have an answer.

    Args:
      samples: K.
      n: N, at most K.
      draws: sets that are wanted; rounds are drawn whole, and at least one.
      rng: of the draws.
      every: whether all sets may be taken.
    """
    if every:
        rows = np.array(list(combinations(range(samples), n)), np.int32)
        return rng.permutation(rows)
    common = math.gcd(samples, n)
    if n // common > _ROUNDS:
        keys = rng.random((draws, samples))
        return np.argpartition(keys, n - 1, axis=1)[:, :n].astype(np.int32)
    sets = samples // common
    order = np.tile(np.arange(samples, dtype=np.int32), (max(1, draws // sets), 1))
    order = rng.permuted(order, axis=1)
    places = (n * np.arange(sets)[:, None] + np.arange(n)) % samples
    return order[:, places].reshape(-1, n)


@dataclass(frozen=True, eq=False, kw_only=True)
class Candidates:
    """Sets of N candidates of each prompt, and the groups of equal answers within each set.

    Attributes:
      index: which samples are in each set.
      answer: a number from 0 for each distinct answer of a set, -1 for none.
      share: of each set among those of its prompt; 0 for what only pads them to R, at the end.
    """

    index: Int[np.ndarray, "P R N"]
    answer: Int[np.ndarray, "P R N"]
    share: Float[np.ndarray, "P R"]

    @classmethod
    def of(cls, found: Outcomes, n: int, seed: int) -> Candidates:
        """All sets of N where they are few, at most 400 a prompt, else random ones.

        Args:
          found: samples; each prompt has at least N.
          n: N.
          seed: seed of the draws; a prompt's draws depend on its place in the table.
        """
        prompts, draws = len(found.mask), draws_of(len(found.mask), n)
        each = []
        for prompt, present in enumerate(found.mask):
            places = np.flatnonzero(present).astype(np.int32)
            few = math.comb(places.size, n) <= min(DRAWS, _WORK_OF_ALL // (prompts * n))
            rng = np.random.default_rng([seed, 7, prompt])
            each.append(places[candidate_sets(places.size, n, draws, rng, every=few)])
        counts = np.array([len(sets) for sets in each])
        row = np.arange(counts.max())
        index = np.stack([sets[np.where(row < len(sets), row, 0)] for sets in each])
        share = np.where(row < counts[:, None], 1.0 / counts[:, None], 0.0)
        return cls(index=index, answer=numbered(gather(found.answer, index)), share=share)

    def of_prompts(self, chosen: Bool[np.ndarray, " P"]) -> Candidates:
        """The same of some prompts."""
        return Candidates(
            index=self.index[chosen], answer=self.answer[chosen], share=self.share[chosen]
        )

    def mean(self, values: Float[np.ndarray, "P R"]) -> Float[np.ndarray, " P"]:
        """Mean over the sets of each prompt."""
        return (values * self.share).sum(axis=1)

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
