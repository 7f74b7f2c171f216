"""Self-consistency with early stopping: draw samples one after another until the vote is decided.

The vote of at most N samples is stopped at a look as soon as the leading answer has enough evidence
against every rival that it would not win alone after all N. The probability of giving another
answer than the full vote is at most delta, for every law of answers and every way to look: the N
samples only have to be exchangeable. At delta = 0 it stops only where the rest cannot change the
answer. Proof: docs/learners/at-test-time.md.

Source: voting is Wang et al., arXiv 2203.11171; stopping it early Aggarwal et al., arXiv
2305.11860, whose rule states no error. The ratio of likelihoods without replacement is that of
Waudby-Smith and Ramdas, arXiv 2006.04347.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from verigap.theory.multinomial import multinomial


def log_evidence(
    leader: Int[np.ndarray, "*batch"], rival: Int[np.ndarray, "*batch"], left: int
) -> Float[np.ndarray, "*batch"]:
    """ln of the evidence that the leader gets more of all N votes than a rival.

    The likelihood of the order of their votes when the leader's share is uniform on (1/2, 1), over
    its largest value where the leader ends with at most as many votes as the rival.

    Args:
      leader: votes of the leader so far, at least those of the rival.
      rival: votes of the rival so far.
      left: samples still to come.

    Returns:
      Nats; infinite where the rest cannot let the rival draw level.

    Example:
      >>> import numpy as np
      >>> from verigap.theory.self_consistency import log_evidence
      >>> np.exp(log_evidence(np.array([1, 5, 5]), np.array([0, 0, 2]), 2)).round(2).tolist()
      [1.5, inf, inf]
    """
    # Slow to import, and only needed here.
    from scipy import special

    a, b = (np.asarray(each, float)[..., None] for each in (leader, rival))
    share = special.betaln(a + 1, b + 1) + np.log(special.betainc(b + 1, a + 1, 0.5)) + math.log(2)
    # Ends of the pair's votes: for each total the leader has the most that is not a majority.
    total = a + b + np.arange(left + 1)
    most = np.floor(total / 2)
    possible = most >= a
    most, least = np.where(possible, most, a), np.where(possible, total - most, b)
    null = (
        special.gammaln(most + 1)
        - special.gammaln(most - a + 1)
        + special.gammaln(least + 1)
        - special.gammaln(least - b + 1)
        - special.gammaln(total + 1)
        + special.gammaln(total - a - b + 1)
    )
    largest = np.where(possible, null, -np.inf).max(axis=-1)
    return np.where(possible.any(axis=-1), share[..., 0] - largest, np.inf)


@dataclass(frozen=True, kw_only=True)
class StoppingRule:
    """When to stop a vote of at most N samples.

    Attributes:
      num_candidates: N, at least 1.
      error: delta in [0, 1): bound on the probability of another answer than the full vote's.
      looks: numbers of samples, ascending and below N, after which the votes are counted; empty for
        after every sample.

    Raises:
      ValueError: a number is out of range.

    Example:
      >>> from verigap.theory.self_consistency import StoppingRule
      >>> rule = StoppingRule(num_candidates=64, error=0.05)
      >>> rule.unanimous, StoppingRule(num_candidates=64, error=0.0).unanimous
      (10, 33)
    """

    num_candidates: int
    error: float
    looks: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.num_candidates < 1:
            raise ValueError(f"num_candidates: {self.num_candidates} is not at least 1")
        if not 0 <= self.error < 1:
            raise ValueError(f"error: {self.error} is not in [0, 1)")
        looks = self.looks
        if looks and (
            list(looks) != sorted(set(looks)) or looks[0] < 1 or looks[-1] >= self.num_candidates
        ):
            raise ValueError(f"looks: not ascending numbers from 1 to below {self.num_candidates}")

    @property
    def counted_at(self) -> tuple[int, ...]:
        """The looks, and N at last."""
        return (*(self.looks or range(1, self.num_candidates)), self.num_candidates)

    def stops(
        self, leader: Int[np.ndarray, "*batch"], rival: Int[np.ndarray, "*batch"], drawn: int
    ) -> Bool[np.ndarray, "*batch"]:
        """Whether the vote is stopped after so many samples.

        Args:
          leader: most votes that an answer has.
          rival: most votes that another answer has, 0 without one.
          drawn: samples so far; fewer of them may have an answer.
        """
        if drawn >= self.num_candidates:
            return np.ones(np.shape(leader), bool)
        pairs = np.stack([leader, rival], axis=-1).reshape(-1, 2)
        each, place = np.unique(pairs, axis=0, return_inverse=True)
        evidence = log_evidence(each[:, 0], each[:, 1], self.num_candidates - drawn)
        return (evidence >= self.log_evidence_needed)[place].reshape(np.shape(leader))

    @property
    def unanimous(self) -> int:
        """Samples after which it stops where all say the same."""
        stops = (n for n in self.counted_at if self.stops(np.array(n), np.array(0), n).all())
        return next(stops)

    @cached_property
    def log_evidence_needed(self) -> float:
        """ln(m/delta), m the answers that can be given wrongly.

        An answer that is given without certainty has r votes by then, the fewest that suffice
        against no vote, so that at most N/r answers can be.
        """
        if self.error == 0:
            return math.inf
        for answers in range(1, self.num_candidates + 1):
            needed = math.log(answers / self.error)
            if self.num_candidates // self._fewest(needed) <= answers:
                return needed
        return math.inf

    def _fewest(self, needed: float) -> int:
        """The fewest votes of a leader that is stopped for without certainty; N + 1 if none is."""
        fewest = self.num_candidates + 1
        for drawn in self.counted_at[:-1]:
            votes = np.arange(1, min(drawn, fewest - 1) + 1)
            evidence = log_evidence(votes, np.zeros_like(votes), self.num_candidates - drawn)
            enough = np.isfinite(evidence) & (evidence >= needed)
            if enough.any():
                fewest = int(votes[np.argmax(enough)])
        return fewest


class StoppedVote(NamedTuple):
    """What a vote with early stopping does, exactly.

    Attributes:
      mean_samples: expected samples.
      answers: probability of giving each answer; ties of the full vote are split.
      full_vote: the same of the vote of all N.
      disagreement: probability of stopping for an answer that does not win the full vote alone.
    """

    mean_samples: float
    answers: Float[np.ndarray, " A"]
    full_vote: Float[np.ndarray, " A"]
    disagreement: float


def stopped_vote(answers: Sequence[float], rule: StoppingRule) -> StoppedVote:
    """The vote of independent samples from a law of answers, by dynamic programming over counts.

    Args:
      answers: probabilities of the answers, summing to one.
      rule: when it stops.

    Raises:
      ValueError: N and the answers have too many counts to enumerate.

    Example:
      >>> from verigap.theory.self_consistency import StoppingRule, stopped_vote
      >>> found = stopped_vote([0.8, 0.2], StoppingRule(num_candidates=3, error=0.0))
      >>> round(found.mean_samples, 2), round(float(found.answers[0]), 3)
      (2.32, 0.896)
    """
    law, most = np.asarray(answers, float), rule.num_candidates
    alive: dict[tuple[int, ...], float] = {(0,) * len(law): 1.0}
    given, spent, wrong, drawn = np.zeros(len(law)), 0.0, 0.0, 0
    for look in rule.counted_at:
        step = multinomial(law, look - drawn)
        drawn = look
        reached: dict[tuple[int, ...], float] = {}
        for counts, chance in alive.items():
            for more, share in zip(step.counts.tolist(), step.probabilities, strict=True):
                state = tuple(a + b for a, b in zip(counts, more, strict=True))
                reached[state] = reached.get(state, 0.0) + chance * float(share)
        states = np.array(list(reached))
        ordered = np.sort(np.pad(states, ((0, 0), (1, 0))), axis=1)
        stops = rule.stops(ordered[:, -1], ordered[:, -2], drawn)
        alive = {}
        for state, stopped in zip(reached, stops, strict=True):
            chance = reached[state]
            if not stopped:
                alive[state] = chance
                continue
            spent += chance * drawn
            given += chance * _winners(np.array(state))
            if drawn < most:
                wrong += chance * _overtaken(np.array(state), law, most - drawn)
    return StoppedVote(spent, given, vote_law(law, most), wrong)


def vote_law(
    answers: Sequence[float] | Float[np.ndarray, " A"], num_candidates: int
) -> Float[np.ndarray, " A"]:
    """Probability that each answer wins the vote of N independent samples; ties are split.

    Args:
      answers: probabilities of the answers, summing to one.
      num_candidates: N, at least 1.

    Raises:
      ValueError: N and the answers have too many counts to enumerate.

    Example:
      >>> from verigap.theory.self_consistency import vote_law
      >>> vote_law([0.4, 0.3, 0.3], 3).round(3).tolist()
      [0.424, 0.288, 0.288]
    """
    types = multinomial(np.asarray(answers, float), num_candidates)
    return types.probabilities @ _winners(types.counts)


def _winners(counts: Int[np.ndarray, "*types A"]) -> Float[np.ndarray, "*types A"]:
    """The answers with the most votes, equally likely."""
    best = counts == counts.max(axis=-1, keepdims=True)
    return best / best.sum(axis=-1, keepdims=True)


def _overtaken(counts: Int[np.ndarray, " A"], law: Float[np.ndarray, " A"], left: int) -> float:
    """Probability that the leader is not alone in front after the rest."""
    rest = multinomial(law, left)
    leader = int(np.argmax(counts))
    ends = counts + rest.counts
    rivals = np.delete(ends, leader, axis=1).max(axis=1, initial=0)
    return float(rest.probabilities @ (ends[:, leader] <= rivals))
