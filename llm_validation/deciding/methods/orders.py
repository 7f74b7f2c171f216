"""Votes along random orders of the samples of a prompt: what a sequential method sees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from verigap.llm_validation.deciding.arms import vote_of_sets
from verigap.llm_validation.deciding.candidates import Candidates, draws_of, gather
from verigap.llm_validation.deciding.outcomes import Outcomes, numbered

_STREAM = 31


@dataclass(frozen=True, eq=False, kw_only=True)
class VotesAlong:
    """The vote after each number of samples, in R orders of the samples of each prompt.

    Attributes:
      looks: numbers of samples, ascending.
      values: mean accuracy of the vote, over ties.
      leader, rival: most votes of an answer, and most of another; 0 without one.
      tokens: of the samples so far; NaN where a length is not known.
    """

    looks: tuple[int, ...]
    values: Float[np.ndarray, "looks P R"]
    leader: Int[np.ndarray, "looks P R"]
    rival: Int[np.ndarray, "looks P R"]
    tokens: Float[np.ndarray, "looks P R"]


def random_orders(found: Outcomes, most: int, seed: int) -> Int[np.ndarray, "P R most"]:
    """The first samples of random orders, such that each is as often at each place as any other.

    Each order is uniform by itself: they are the rotations of random ones.

    Args:
      found: samples; each prompt has at least `most`.
      most: samples of an order that are wanted.
      seed: seed of the orders; those of a prompt depend on its place in the table.
    """
    wanted = draws_of(len(found.mask), most)
    each = []
    for prompt, present in enumerate(found.mask):
        rng = np.random.default_rng([seed, _STREAM, prompt])
        places = np.flatnonzero(present)
        rounds = -(-wanted // places.size)
        order = rng.permuted(np.tile(places, (rounds, 1)), axis=1)
        turned = (np.arange(places.size)[:, None] + np.arange(most)) % places.size
        rotations = order[:, turned].reshape(-1, most)
        each.append(rotations[rng.permutation(len(rotations))])
    fewest = min(len(rows) for rows in each)
    return np.stack([rows[:fewest] for rows in each])


def first_of_orders(found: Outcomes, orders: Int[np.ndarray, "P R most"], n: int) -> Candidates:
    """The first N samples of each order as a set of candidates.

    Args:
      found: the samples.
      orders: of `random_orders`.
      n: N, at most the samples of an order.
    """
    index = orders[:, :, :n]
    share = np.full(index.shape[:2], 1.0 / index.shape[1])
    return Candidates(index=index, answer=numbered(gather(found.answer, index)), share=share)


def votes_along(
    found: Outcomes, orders: Int[np.ndarray, "P R most"], looks: Sequence[int]
) -> VotesAlong:
    """Votes after some numbers of samples, in each order.

    Args:
      found: the samples.
      orders: of `random_orders`.
      looks: ascending, at most the samples of an order.
    """
    reward = found.rewards["accuracy"]
    length = gather(found.length, orders)
    rows = []
    for look in looks:
        sets = first_of_orders(found, orders, look)
        if sets.groups:
            ordered = np.sort(np.pad(sets.counts, ((0, 0), (0, 0), (2, 0))), axis=2)
            leader, rival = (ordered[:, :, place].astype(np.int64) for place in (-1, -2))
        else:
            leader = rival = np.zeros(orders.shape[:2], np.int64)
        rows.append((vote_of_sets(sets, reward), leader, rival, length[:, :, :look].sum(axis=2)))
    values, leaders, rivals, tokens = (np.stack(column) for column in zip(*rows, strict=True))
    return VotesAlong(
        looks=tuple(looks), values=values, leader=leaders, rival=rivals, tokens=tokens
    )
