"""The arms of selection: how N candidates are turned into one answer, and what that earns.

Each function gives the mean reward of a prompt over the draws of its N candidates and over ties,
in the order of the prompts. What needs no Monte Carlo is computed exactly.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float

from verigap.llm_validation.deciding.candidates import Candidates, gather
from verigap.llm_validation.pools.selectors import win_table
from verigap.theory import RewardLaw
from verigap.theory.arrays import host_array
from verigap.theory.policies import chi2_penalised_threshold

# Scores and weights that differ by less, relative to the largest, tie.
_TIE = 1e-9


def single(
    reward: Float[np.ndarray, "P K"], mask: Bool[np.ndarray, "P K"]
) -> Float[np.ndarray, " P"]:
    """Mean reward of one random sample, which is also that of a random one of N."""
    return (reward * mask).sum(axis=1) / mask.sum(axis=1)


def best_scored(
    score: Float[np.ndarray, "P K"],
    reward: Float[np.ndarray, "P K"],
    mask: Bool[np.ndarray, "P K"],
    n: int,
) -> Float[np.ndarray, " P"]:
    """Mean reward of the best scored of N distinct samples, exactly; ties are split.

    Args:
      score: of each sample; NaN, a score that is not known, is the worst.
      reward: of each sample.
      mask: whether there is a sample; each prompt has at least N.
      n: N, at least 1.
    """
    wins = win_table(mask.sum(axis=1), n)
    values = np.empty(len(mask))
    for prompt, present in enumerate(mask):
        scores = np.where(np.isnan(score[prompt]), -np.inf, score[prompt])[present]
        order = np.sort(scores)
        below = np.searchsorted(order, scores, "left")
        upto = np.searchsorted(order, scores, "right")
        share = (wins[prompt, upto] - wins[prompt, below]) / (upto - below)
        values[prompt] = share @ reward[prompt, present]
    return values


def vote(
    sets: Candidates,
    reward: Float[np.ndarray, "P K"],
    weight: Float[np.ndarray, "P R N"] | None = None,
    member: Bool[np.ndarray, "P R N"] | None = None,
) -> Float[np.ndarray, " P"]:
    """Mean reward of a vote over answers, each candidate's vote having a weight.

    See `vote_of_sets`.
    """
    return sets.mean(vote_of_sets(sets, reward, weight, member))


def vote_of_sets(
    sets: Candidates,
    reward: Float[np.ndarray, "P K"],
    weight: Float[np.ndarray, "P R N"] | None = None,
    member: Bool[np.ndarray, "P R N"] | None = None,
) -> Float[np.ndarray, "P R"]:
    """Mean reward of a vote in each set, over ties and over the candidates with the answer.

    Answers that tie are as likely as each other. The returned candidate is a random one of those
    with the winning answer. Where no candidate has an answer any is as likely, and where all
    weights are 0 all answers tie.

    Args:
      sets: the candidates.
      reward: of each sample.
      weight: of each candidate's vote, at least 0; 1 by default.
      member: which candidates of an answer may be returned; all by default.
    """
    earned = gather(reward, sets.index)
    fallback = earned.mean(axis=2)
    if not sets.groups:
        return fallback
    total = sets.counts if weight is None else sets.sums(weight)
    offered = sets.counts > 0
    best = np.where(offered, total, -np.inf).max(axis=2, keepdims=True)
    wins = offered & (total >= best - _TIE * np.abs(best))
    if member is None:
        by_answer = sets.sums(earned) / np.maximum(sets.counts, 1.0)
    else:
        by_answer = sets.sums(earned * member) / np.maximum(sets.sums(1.0 * member), 1.0)
    value = (wins * by_answer).sum(axis=2) / np.maximum(wins.sum(axis=2), 1)
    return np.where(offered.any(axis=2), value, fallback)


def best_of(
    sets: Candidates, score: Float[np.ndarray, "P R N"], reward: Float[np.ndarray, "P K"]
) -> Float[np.ndarray, " P"]:
    """Mean reward of the best scored candidate of each set; ties are split.

    Args:
      sets: the candidates.
      score: of each candidate.
      reward: of each sample.
    """
    earned = gather(reward, sets.index)
    best = score.max(axis=2, keepdims=True)
    wins = score >= best - _TIE * np.maximum(np.abs(best), 1.0)
    return sets.mean((wins * earned).sum(axis=2) / wins.sum(axis=2))


def pessimistic(
    sets: Candidates,
    score: Float[np.ndarray, "P R N"],
    reward: Float[np.ndarray, "P K"],
    regularisation: float,
) -> Float[np.ndarray, " P"]:
    """Mean reward of best-of-N with inference-time pessimism.

    A candidate is drawn with probability (score - lambda)_+ / (N beta), where lambda makes these
    sum to one. With beta to 0 it is `best_of`.

    Args:
      sets: the candidates.
      score: of each candidate; NaN, a score that is not known, is the lowest of its set.
      reward: of each sample.
      regularisation: beta > 0, in the unit of the score.

    Source: Huang et al., arXiv 2503.21878; see `verigap.theory.inference_time_pessimism`.
    """
    known = np.isfinite(score)
    lowest = np.where(known, score, np.inf).min(axis=2, keepdims=True)
    filled = np.where(known, score, np.where(np.isfinite(lowest), lowest, 0.0))
    law = RewardLaw.equiprobable(host_array(filled))
    threshold = chi2_penalised_threshold(law, regularisation)
    weight = np.maximum(filled - np.asarray(threshold)[:, :, None], 0.0)
    weight /= weight.sum(axis=2, keepdims=True)
    return sets.mean((weight * gather(reward, sets.index)).sum(axis=2))
