"""A score learned from labelled samples of other prompts, out of what N candidates show.

The features that compare candidates with each other, how many agree and which are shorter, are
computed within the N candidates, of the labelled samples too: the learner never sees a sample that
the other arms at N do not see.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from verigap.llm_validation.deciding.candidates import Candidates, gather
from verigap.llm_validation.deciding.outcomes import Outcomes, numbered
from verigap.llm_validation.pools.reward_model import logistic_weights

_CONSTANT = 1e-9


class Compared(NamedTuple):
    """Features of each candidate beside the other candidates of its set; 0 where unknown.

    Attributes:
      agreement: share of the others that give the same answer.
      rank: share of the candidates that are shorter, ties halved, less one half.
    """

    agreement: Float[np.ndarray, "P R N"]
    rank: Float[np.ndarray, "P R N"]


def compared(found: Outcomes, sets: Candidates) -> Compared:
    """Features of the candidates beside each other.

    A sample that is stopped shows no answer here: which of them have one depends on whether they
    are right.
    """
    # Slow to import, and only needed here.
    from scipy import stats

    if not found.ended[found.mask].all():
        shown = np.where(gather(found.ended, sets.index), sets.answer, -1)
        sets = replace(sets, answer=numbered(shown))
    length = gather(found.length, sets.index)
    known, n = np.isfinite(length), length.shape[2]
    if n == 1:
        return Compared(sets.agreement(), np.zeros(length.shape))
    shorter = (stats.rankdata(np.where(known, length, np.inf), axis=2) - 1) / (n - 1)
    return Compared(sets.agreement(), np.where(known, shorter - 0.5, 0.0))


class LearnedScore(NamedTuple):
    """A linear score of candidates; the sigmoid of it is the predicted reward over its largest.

    Attributes:
      alone: weights of the features of a sample by itself.
      agreement, rank: weights of the features beside the others.
      intercept: the constant.
      converged: whether the fit did.
    """

    alone: Float[np.ndarray, " D"]
    agreement: float
    rank: float
    intercept: float
    converged: bool

    def odds(
        self,
        alone: Float[np.ndarray, "P K D"],
        index: Int[np.ndarray, "P R N"],
        beside: Compared,
    ) -> Float[np.ndarray, "P R N"]:
        """The score of every candidate, from the features of all samples and of the sets."""
        scores = gather(alone @ self.alone + self.intercept, index)
        return scores + self.agreement * beside.agreement + self.rank * beside.rank


def learn_scores(
    found: Outcomes,
    sets: Candidates,
    beside: Compared,
    label: Float[np.ndarray, "P K"],
    train: Bool[np.ndarray, "splits P"],
    labels: int,
    seed: tuple[int, ...],
) -> list[LearnedScore]:
    """Ridge logistic regression on n labelled candidates of the training prompts of each split.

    The labels are shares in [0, 1]; see `pools.reward_model`.

    Args:
      found: the samples.
      sets: candidates, from which the labelled ones are drawn with replacement: a random training
        prompt, a random set and a random candidate each.
      beside: `compared(found, sets)`.
      label: reward of each sample over the largest there is.
      train: which prompts may be labelled in each split, at least one.
      labels: n.
      seed: seed of the labelled candidates.

    Source: Papke and Wooldridge 1996, as `pools.reward_model`.
    """
    drawn = [
        _labelled(found, sets, beside, label, trained, labels, (*seed, split))
        for split, trained in enumerate(train)
    ]
    features, targets, scales = (np.stack(each) for each in zip(*drawn, strict=True))
    theta, converged, _ = map(
        np.asarray, logistic_weights(features, targets, np.ones(targets.shape))
    )
    beside_weights = theta[:, -3:-1] * scales
    return [
        LearnedScore(weights[:-3], float(pair[0]), float(pair[1]), float(weights[-1]), bool(fine))
        for weights, pair, fine in zip(theta, beside_weights, converged, strict=True)
    ]


def _labelled(
    found: Outcomes,
    sets: Candidates,
    beside: Compared,
    label: Float[np.ndarray, "P K"],
    trained: Bool[np.ndarray, " P"],
    labels: int,
    seed: tuple[int, ...],
) -> tuple[Float[np.ndarray, "n D"], Float[np.ndarray, " n"], Float[np.ndarray, " 2"]]:
    """Features and labels of n candidates, and the scale that made the compared ones spread 1."""
    rng = np.random.default_rng(seed)
    n, counts = sets.index.shape[2], (sets.share > 0).sum(axis=1)
    prompt = rng.choice(np.flatnonzero(trained), labels)
    which, slot = rng.integers(counts[prompt]), rng.integers(n, size=labels)
    sample = sets.index[prompt, which, slot]
    chosen = np.stack([feature[prompt, which, slot] for feature in beside], axis=1)
    # The ridge supposes features of spread 1.
    spread = chosen.std(axis=0)
    scale = np.where(spread > _CONSTANT, 1.0 / np.maximum(spread, _CONSTANT), 0.0)
    features = np.concatenate([found.alone.values[prompt, sample], chosen * scale], axis=1)
    return features, label[prompt, sample], scale
