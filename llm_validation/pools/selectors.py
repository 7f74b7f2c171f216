"""Policies over a pool that need no training: how N samples are turned into one answer.

All draw N distinct samples of the pool, so that the mean over pools is the value of the same rule
on N fresh samples: with N equal to the size of the pool, "exact" is the table's own pass@N. A pool
of fewer than N gives all it has.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import special

_VOTES = 400


def win_table(sizes: Int[np.ndarray, " P"], num_candidates: int) -> Float[np.ndarray, "P K+1"]:
    """Probability that N distinct samples of a pool of each size all lie among m given ones.

    C(m, N) / C(K, N) for m = 0 to the largest size; N is at most the pool's own size.
    """
    drawn = np.minimum(num_candidates, sizes)[:, None]
    among = np.arange(int(sizes.max()) + 1)[None, :]
    size = sizes[:, None]
    # ln m!/(m - N)! less ln K!/(K - N)!
    log = (
        special.gammaln(among + 1.0)
        - special.gammaln(np.maximum(among - drawn, 0) + 1.0)
        - special.gammaln(size + 1.0)
        + special.gammaln(size - drawn + 1.0)
    )
    return np.where(among >= drawn, np.exp(np.minimum(log, 0.0)), 0.0)


def best_of_pool(
    scores: Float[np.ndarray, "*runs P K"],
    mask: Bool[np.ndarray, "P K"],
    wins: Float[np.ndarray, "P K+1"],
) -> Float[np.ndarray, "*runs P K"]:
    """Probability that each sample is the best scored of N distinct ones of its pool.

    Samples that tie share their probability equally.

    Args:
      scores: finite, or -inf for the worst.
      mask: whether there is a sample.
      wins: `win_table` of the pools.

    Example:
      >>> import numpy as np
      >>> from verigap.llm_validation.pools.selectors import best_of_pool, win_table
      >>> wins = win_table(np.array([3]), num_candidates=2)
      >>> best_of_pool(np.array([[0.1, 0.7, 0.7]]), np.ones((1, 3), bool), wins).round(3).tolist()
      [[0.0, 0.5, 0.5]]
    """
    # The padding is set below everything, and not counted.
    ranked = np.where(mask, np.maximum(scores, -np.finfo(scores.dtype).max), -np.inf)
    order = np.argsort(ranked, axis=-1)
    ascending = np.take_along_axis(ranked, order, axis=-1)
    rises = ascending[..., 1:] != ascending[..., :-1]
    edge = np.ones((*rises.shape[:-1], 1), bool)
    place, size = np.arange(ranked.shape[-1]), ranked.shape[-1]
    first = np.where(np.concatenate([edge, rises], axis=-1), place, 0)
    below = np.maximum.accumulate(first, axis=-1)
    last = np.where(np.concatenate([rises, edge], axis=-1), place + 1, size)
    upto = np.minimum.accumulate(last[..., ::-1], axis=-1)[..., ::-1]
    padding = np.sum(~mask, axis=-1, keepdims=True)
    table = np.broadcast_to(wins, (*ranked.shape[:-1], wins.shape[-1]))
    # A tie of the padding has no place in the table, and its share is not used.
    won, lost = (
        np.take_along_axis(table, np.maximum(count - padding, 0), axis=-1)
        for count in (upto, below)
    )
    share = np.empty_like(ranked)
    np.put_along_axis(share, order, (won - lost) / (upto - below), axis=-1)
    return np.where(mask, share, 0.0)


def vote(
    answers: Int[np.ndarray, "P K"],
    returns: Float[np.ndarray, "P K"],
    mask: Bool[np.ndarray, "P K"],
    num_candidates: int,
    seed: int,
) -> Float[np.ndarray, " P"]:
    """Mean return of a majority vote over N distinct samples of each pool, in their unit.

    The returned trace is a random one of those that gave the commonest answer; ties between answers
    are broken at random, and where no sample has an answer any of the N is as likely. The mean over
    draws of the N is by Monte Carlo (400 draws a prompt, fixed by the seed), exact where the N are
    the whole pool; the mean over ties is exact.

    Args:
      answers: a number for each answer, -1 for none.
      returns: what each sample earns.
      mask: whether there is a sample.
      num_candidates: N, at least 1.
      seed: seed of the draws of the N; the same seed gives the same values.
    """
    values = np.empty(answers.shape[0])
    for prompt, (answer, earned, present) in enumerate(zip(answers, returns, mask, strict=True)):
        size = int(present.sum())
        rng = np.random.default_rng([seed, prompt])
        drawn = min(num_candidates, size)
        draws = _VOTES if drawn < size else 1
        picked = np.argpartition(rng.random((draws, size)), drawn - 1, axis=1)[:, :drawn]
        given, worth = answer[:size][picked], earned[:size][picked]
        # How many of the draw give the same answer, by sorting each draw.
        order = np.argsort(given, axis=1, kind="stable")
        given, worth = np.take_along_axis(given, order, 1), np.take_along_axis(worth, order, 1)
        cell = given + (np.arange(draws) * (int(given.max()) + 2))[:, None] + 1
        _, index, count = np.unique(cell, return_inverse=True, return_counts=True)
        votes = np.where(given >= 0, count[index.reshape(cell.shape)], 0)
        best = votes == votes.max(axis=1, keepdims=True)
        values[prompt] = ((best * worth).sum(axis=1) / best.sum(axis=1)).mean()
    return values
