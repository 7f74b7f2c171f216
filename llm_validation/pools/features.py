"""Features of the traces of a pool that learners see; none needs a label.

At a budget H a longer trace is cut there: its answer, score, probability and text are then unknown,
as they would be if it had been stopped at H.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int

from verigap.llm_validation.pools.pools import SamplePools
from verigap.storage.digests import name_stream

HASHED = 16
"""Columns that the words of the text are hashed into."""

_WORD = re.compile(r"\w+|[^\w\s]")


@dataclass(frozen=True, eq=False)
class Features:
    """phi(x, tau) of every sample of every pool at one budget, standardised; 0 where unknown.

    Attributes:
      names: of the features that vary; the columns of the others are 0.
      values: mean 0 and sd 1 over the samples of the group where known; 0 on the padding. All
        groups and budgets have the same D columns, and share what is compiled for them.
      mask: whether there is a sample.
      columns: what each of the D columns holds, also where it does not vary.
    """

    names: tuple[str, ...]
    values: Float[np.ndarray, "P K D"]
    mask: Bool[np.ndarray, "P K"]
    columns: tuple[str, ...] = ()

    def without(self, name: str) -> Features:
        """The same with one column set to 0."""
        kept = np.array([column != name for column in self.columns])
        names = tuple(each for each in self.names if each != name)
        return replace(self, names=names, values=self.values * kept)

    def of_prompts(self, chosen: Bool[np.ndarray, " P"]) -> Features:
        """The same of some prompts."""
        return replace(self, values=self.values[chosen], mask=self.mask[chosen])


SCORE = "verifier score"
COMPARED = ("length rank in pool", "answer agreement")
"""Features that compare a sample with the others of its prompt."""


def features(
    pools: SamplePools,
    horizon: float,
    hashed: Float[np.ndarray, "P K W"] | None = None,
    *,
    alone: bool = False,
) -> Features:
    """Features of the pools at a budget H.

    Args:
      pools: the samples; whether they are correct is not looked at.
      horizon: H, in the unit of the pools; infinite cuts nothing.
      hashed: `hashed_words(pools)`, where it is wanted.
      alone: leave out what compares a sample with the others of its prompt: what a policy that
        draws one sample cannot see.
    """
    finished = pools.finished(horizon)
    length = np.minimum(pools.n_tokens, horizon)
    answer = visible_answers(pools, horizon)
    agreeing = agreement(answer, pools.mask)
    columns = {
        "log length": np.log(np.maximum(length, 1.0)),
        "length rank in pool": _rank(length),
        "finished": np.where(pools.mask, finished, np.nan),
        "has answer": np.where(finished, answer >= 0, np.nan),
        "answer agreement": np.where(finished, agreeing, np.nan),
        "log probability": np.where(finished, pools.logprob, np.nan),
        SCORE: np.where(finished, pools.verifier_score, np.nan),
    }
    if hashed is not None:
        for index in range(hashed.shape[2]):
            columns[f"words {index}"] = np.where(finished, hashed[:, :, index], np.nan)
    if alone:
        columns |= dict.fromkeys(COMPARED, np.full(length.shape, np.nan))
    values = np.stack([standardised(column) for column in columns.values()], axis=2)
    names = tuple(name for index, name in enumerate(columns) if values[:, :, index].any())
    return Features(names, values, pools.mask, tuple(columns))


def visible_answers(pools: SamplePools, horizon: float) -> Int[np.ndarray, "P K"]:
    """The answer's number where the trace ends within H, else -1."""
    return np.where(pools.finished(horizon), pools.answer, -1)


def agreement(
    answer: Int[np.ndarray, "P K"], mask: Bool[np.ndarray, "P K"]
) -> Float[np.ndarray, "P K"]:
    """Share of a pool's other samples that give the same answer; 0 without an answer."""
    prompts = answer.shape[0]
    kinds = int(answer.max(initial=-1)) + 2
    cell = np.arange(prompts)[:, None] * kinds + np.where(mask, answer, -1) + 1
    _, index, count = np.unique(cell, return_inverse=True, return_counts=True)
    others = np.maximum(mask.sum(axis=1, keepdims=True) - 1, 1)
    return np.where(answer >= 0, (count[index.reshape(cell.shape)] - 1) / others, 0.0)


def hashed_words(pools: SamplePools) -> Float[np.ndarray, "P K W"] | None:
    """Signed counts of the words of a text in few columns, of unit length; None without text.

    Source: Weinberger et al. 2009, "Feature hashing for large scale multitask learning".
    """
    if pools.text is None:
        return None
    known: dict[str, tuple[int, int]] = {}
    values = np.zeros((*pools.mask.shape, HASHED))
    for place in zip(*np.nonzero(pools.mask), strict=True):
        row = values[place]
        for word in _WORD.findall(str(pools.text[place]).lower()):
            if word not in known:
                code = name_stream(word)
                known[word] = (code % HASHED, 1 if code & 1 << 31 else -1)
            column, sign = known[word]
            row[column] += sign
    size = np.sqrt((values**2).sum(axis=2, keepdims=True))
    return values / np.where(size > 0, size, 1.0)


def _rank(length: Float[np.ndarray, "P K"]) -> Float[np.ndarray, "P K"]:
    """Share of the pool's known lengths that are shorter, ties halved; NaN where unknown."""
    order = np.sort(length, axis=1)  # NaN last
    known = np.isfinite(length)
    ranks = np.full(length.shape, np.nan)
    for index, finite in enumerate(known):
        row = order[index, : finite.sum()]
        below = np.searchsorted(row, length[index, finite], "left")
        upto = np.searchsorted(row, length[index, finite], "right")
        ranks[index, finite] = (below + upto) / (2 * max(row.size, 1))
    return ranks


def standardised(column: Float[np.ndarray, "P K"]) -> Float[np.ndarray, "P K"]:
    """Mean 0 and sd 1 where known, 0 elsewhere and where nothing varies."""
    known = np.isfinite(column)
    if not known.any():
        return np.zeros(column.shape)
    mean, sd = column[known].mean(), column[known].std()
    if not sd > 1e-9 * max(1.0, abs(mean)):
        return np.zeros(column.shape)
    return np.where(known, (np.where(known, column, 0.0) - mean) / sd, 0.0)
