"""Where the check of a pool of samples stands: its error rates, and the frontier against the vote.

Best-of-N by a score that reaches a threshold is compared with the vote of the same N samples, as it
is, and as it would be if the check's errors at these rates were drawn anew for each sample, at the
rates of each prompt or of all, or once for each answer (`verigap.theory.check_or_vote`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from verigap.llm_validation.deciding import arms
from verigap.llm_validation.deciding.candidates import Candidates
from verigap.llm_validation.deciding.erring_check import checked_accuracy
from verigap.llm_validation.deciding.outcomes import Outcomes
from verigap.llm_validation.intervals import Resampler, mean_interval
from verigap.theory.check_or_vote import false_negative_frontier
from verigap.theory.frontier.crossings import Crossings


@dataclass(frozen=True, kw_only=True)
class PlacedCheck:
    """A score used as a check at a threshold, on a pool; accuracies are means over prompts.

    Attributes:
      threshold: samples whose score is at least this are accepted; one without a score is not.
      num_candidates: N of every accuracy.
      false_positive: share of the wrong samples that are accepted, all prompts together.
      false_negative: share of the right samples that are rejected.
      frontier: the false negative rate at which fresh errors make best-of-N as good as the vote, at
        this false positive rate; NaN where there is none.
      fresh: accuracy of best-of-N if each sample's verdict erred by itself at these rates; exact.
      by_answer: the same if each answer of a prompt had one verdict; a mean over draws.
      by_prompt: the same as `fresh` with the rates that the check has on each prompt; exact.
      measured: accuracy of best-of-N by the check as it is; exact.
      vote: accuracy of the vote; a mean over random sets of N samples.
      lead: `measured` less `vote`, and the ends of its 95 % interval over prompts.
    """

    threshold: float
    num_candidates: int
    false_positive: float
    false_negative: float
    frontier: float
    fresh: float
    by_answer: float
    by_prompt: float
    measured: float
    vote: float
    lead: tuple[float, float, float]


def vote_values(found: Outcomes, num_candidates: int, seed: int) -> Float[np.ndarray, " P"]:
    """Accuracy of the vote of N samples on each prompt.

    Args:
      found: the samples; each prompt has at least N.
      num_candidates: N.
      seed: seed of the sets of N.
    """
    sets = Candidates.of(found, num_candidates, seed)
    return arms.vote(sets, found.rewards["accuracy"])


def pool_frontier(
    found: Outcomes, num_candidates: int, false_positive: Float[np.ndarray, " points"], vote: float
) -> Crossings:
    """f_n at which best-of-N with fresh errors is as accurate as the vote, at each f_p, on a pool.

    Args:
      found: the samples; each prompt has at least N.
      num_candidates: N.
      false_positive: f_p, in [0, 1], the same on every prompt.
      vote: accuracy to be met.

    Returns:
      As `verigap.theory.check_or_vote.false_negative_frontier`.

    Example:
      >>> import numpy as np
      >>> from verigap.llm_validation import read_traces
      >>> from verigap.llm_validation.deciding.check_or_vote import pool_frontier, vote_values
      >>> from verigap.llm_validation.deciding.outcomes import outcomes_at
      >>> from verigap.llm_validation.pools import sample_pools
      >>> (pools,) = sample_pools(read_traces("examples/smollm2_products.parquet"))
      >>> found = outcomes_at(pools, None)
      >>> vote = float(vote_values(found, 8, seed=0).mean())
      >>> pool_frontier(found, 8, np.array([0.0, 0.2, 0.5]), vote).at.round(2).tolist()
      [0.69, 0.17, nan]
    """
    correct, sizes = _right(found).sum(axis=1), found.sizes

    def success(wrong: np.ndarray, missed: np.ndarray) -> np.ndarray:
        return np.array(
            [
                checked_accuracy(correct, sizes, num_candidates, float(p), float(n))
                for p, n in zip(wrong, missed, strict=True)
            ]
        )

    return false_negative_frontier(success, false_positive, vote)


def place_checks(
    found: Outcomes, thresholds: Sequence[float], num_candidates: int, seed: int, draws: int = 100
) -> list[PlacedCheck]:
    """The check that accepts scores from a threshold on, at several thresholds.

    Args:
      found: samples with a score, right and wrong ones; each prompt has at least N.
      thresholds: of the score.
      num_candidates: N.
      seed: seed of the vote's sets and of the answers' verdicts.
      draws: verdicts of all answers that `by_answer` is a mean over.

    Raises:
      ValueError: no sample has a score, or all are right, or all wrong.
    """
    right, n = _right(found), num_candidates
    wrong = found.mask & ~right
    if not (right.any() and wrong.any() and np.isfinite(found.score[found.mask]).any()):
        raise ValueError("samples: a check needs scores, and right and wrong samples")
    votes = vote_values(found, n, seed)
    accepted = [found.mask & (found.score >= threshold) for threshold in thresholds]
    rates = [(float(each[wrong].mean()), float(1.0 - each[right].mean())) for each in accepted]
    edges = pool_frontier(found, n, np.array([p for p, _ in rates]), float(votes.mean())).at
    counts = right.sum(axis=1), found.sizes
    placed = []
    for threshold, each, (p, q), edge in zip(thresholds, accepted, rates, edges, strict=True):
        drawn = _answer_verdicts(found, np.where(right, 1.0 - q, p), seed, draws)
        values = _best_accepted(found, each, n)
        placed.append(
            PlacedCheck(
                threshold=threshold,
                num_candidates=n,
                false_positive=p,
                false_negative=q,
                frontier=float(edge),
                fresh=checked_accuracy(*counts, n, p, q),
                by_answer=float(np.mean([_best_accepted(found, one, n).mean() for one in drawn])),
                by_prompt=_own_rates(counts, right, each, n),
                measured=float(values.mean()),
                vote=float(votes.mean()),
                lead=_interval(values - votes),
            )
        )
    return placed


def _own_rates(
    counts: tuple[Int[np.ndarray, " P"], Int[np.ndarray, " P"]],
    right: Bool[np.ndarray, "P K"],
    accepted: Bool[np.ndarray, "P K"],
    n: int,
) -> float:
    """Mean accuracy of best-of-N with fresh errors at each prompt's own rates."""
    correct, sizes = counts
    wrong = sizes - correct
    # Rates of kinds that a prompt lacks do not matter.
    missed = 1.0 - (accepted & right).sum(axis=1) / np.maximum(correct, 1)
    taken = (accepted & ~right).sum(axis=1) / np.maximum(wrong, 1)
    each = [
        checked_accuracy(correct[[x]], sizes[[x]], n, float(taken[x]), float(missed[x]))
        for x in range(len(sizes))
    ]
    return float(np.mean(each))


def _interval(difference: Float[np.ndarray, " P"]) -> tuple[float, float, float]:
    """Mean over prompts of differences of accuracies, with its interval."""
    # The interval is for numbers from 0 on.
    shifted = mean_interval(1.0 + difference[:, None], Resampler(difference.size, 0), upper=2.0)
    return float(difference.mean()), float(shifted.low[0]) - 1.0, float(shifted.high[0]) - 1.0


def _right(found: Outcomes) -> Bool[np.ndarray, "P K"]:
    return found.mask & (found.rewards["accuracy"] > 0)


def _best_accepted(
    found: Outcomes, accepted: Bool[np.ndarray, "P K"], n: int
) -> Float[np.ndarray, " P"]:
    """Accuracy on each prompt of a random accepted one of N samples, or of any if none is."""
    reward = found.rewards["accuracy"]
    return arms.best_scored(accepted.astype(float), reward, found.mask, n)


def _answer_verdicts(
    found: Outcomes, chance: Float[np.ndarray, "P K"], seed: int, draws: int
) -> Iterator[Bool[np.ndarray, "P K"]]:
    """Which samples are accepted, where equal answers that are equally right get equal verdicts.

    Samples without an answer count as one answer.
    """
    rng = np.random.default_rng(seed)
    for _ in range(draws):
        drawn = rng.random((len(chance), chance.shape[1] + 1))
        yield found.mask & (np.take_along_axis(drawn, found.answer + 1, axis=1) < chance)
