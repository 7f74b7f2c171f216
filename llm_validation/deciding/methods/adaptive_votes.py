"""Adaptive N for votes on pools: a few samples tell how hard a prompt is, the rest is allocated.

The pilot's largest number of equal answers is the difficulty class of a prompt. What a vote of each
N earns in each class is learned from labelled prompts; the mean tokens of the others are then
allocated best for it. Source: Snell et al., arXiv 2408.03314 (difficulty estimated from samples,
and a strategy for each difficulty), and `verigap.theory.compute_allocation`.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float

from verigap.llm_validation.deciding.methods.held_out_prompts import Splits
from verigap.llm_validation.deciding.methods.measured import MeasuredMethod, mean_lengths
from verigap.llm_validation.deciding.methods.orders import VotesAlong
from verigap.llm_validation.deciding.outcomes import Outcomes
from verigap.theory.compute_allocation import best_allocation


def adaptive_votes(
    found: Outcomes, votes: VotesAlong, *, pilot: int, n: int, labels: int, seed: int
) -> MeasuredMethod | None:
    """Votes of an N for each difficulty class, at the tokens of N samples of every prompt.

    Args:
      found: the samples.
      votes: along random orders; the pilot is one of the looks.
      pilot: samples that tell the class, part of those that vote.
      n: N; the mean tokens over the held-out prompts of a split are at most N times theirs.
      labels: the most samples of other prompts whose verdicts it learns from.
      seed: seed of the splits.

    Returns:
      None where labels do not suffice for a prompt.
    """
    splits = Splits.of(found, labels, seed)
    if splits is None:
        return None
    place = votes.looks.index(pilot)
    options = slice(place, None)
    looks = np.array(votes.looks[options], float)
    known = bool(np.isfinite(votes.tokens).all())
    samples = np.broadcast_to(looks[:, None, None], votes.values[options].shape)
    cost = votes.tokens[options] if known else samples
    of_one = mean_lengths(found) if known else np.ones(len(found.mask))
    in_class = votes.leader[place][None] == np.arange(pilot + 1)[:, None, None]
    earned, spent, drawn = (np.zeros(splits.held.shape) for _ in range(3))
    for split, train, held in splits:
        values, _ = _by_class(votes.values[options], in_class, train)
        costs, weights = _by_class(cost, in_class, held)
        budget = n * float(of_one[held].mean())
        mixture = best_allocation(values, costs, weights, budget).mixture
        for table, of in ((earned, votes.values[options]), (spent, cost), (drawn, samples)):
            table[split] = np.einsum("co,cpr,opr->p", mixture, in_class, of) / of.shape[2]
    held = splits.held_out(earned)
    tokens = splits.held_out(spent).values if known else np.full(len(found.mask), np.nan)
    return MeasuredMethod(
        method="vote_adaptive",
        values=held.values,
        samples=splits.held_out(drawn).values,
        tokens=tokens,
        labels=splits.labels,
        shifts=held.shifts,
    )


def _by_class(
    table: Float[np.ndarray, "options P R"],
    in_class: Bool[np.ndarray, "classes P R"],
    chosen: Bool[np.ndarray, " P"],
) -> tuple[Float[np.ndarray, "classes options"], Float[np.ndarray, " classes"]]:
    """Mean of each option in each class over the chosen prompts, and the share of the class.

    A class that none of them shows has the mean over all classes.
    """
    part, inside = table[:, chosen], in_class[:, chosen].astype(float)
    size = inside.shape[1] * inside.shape[2]
    weights = inside.sum(axis=(1, 2)) / size
    sums = np.einsum("cpr,opr->co", inside, part) / size
    means = sums / np.where(weights > 0, weights, 1.0)[:, None]
    return np.where(weights[:, None] > 0, means, part.mean(axis=(1, 2))[None]), weights
