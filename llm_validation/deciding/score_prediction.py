"""Best-of-N by a score predicted from ROC curves, and measured on samples that made none of them.

The samples of every prompt are halved: one half gives the share of right samples and the curves,
the other one the truth. What tells a good prediction from a bad one is whose curve it uses.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from verigap.llm_validation.deciding import arms
from verigap.llm_validation.deciding.outcomes import Outcomes
from verigap.llm_validation.pools.selectors import best_of_pool, win_table
from verigap.storage.tables import TableError
from verigap.theory import RewardLaw, ScoredLaw, scored_best_of_n_value
from verigap.theory.arrays import host_array
from verigap.theory.scored_verifier import best_num_candidates

_STREAM = 41


@dataclass(frozen=True, kw_only=True, eq=False)
class HalvedPredictions:
    """Mean accuracy over prompts of the best scored of N, by split of the samples and by N.

    Attributes:
      counts: the N.
      own: predicted from the curve of each prompt itself, drawing from it with replacement.
      others: predicted from the curve of one other prompt, in the mean over those with right and
        wrong samples.
      pooled: predicted from one curve, of the samples of all other prompts together.
      measured: on the other half, exactly over all sets of N; NaN where it has fewer samples.
      best_own: the N of the largest value by `own`, see `best_num_candidates`; infinite where it
        only tends to its largest.
      best_measured: the N of the largest value on the other half.
    """

    counts: tuple[int, ...]
    own: Float[np.ndarray, "splits N"]
    others: Float[np.ndarray, "splits N"]
    pooled: Float[np.ndarray, "splits N"]
    measured: Float[np.ndarray, "splits N"]
    best_own: Float[np.ndarray, " splits"]
    best_measured: Int[np.ndarray, " splits"]


def halved_predictions(
    found: Outcomes, counts: Sequence[int], *, pairs: int = 10, seed: int
) -> HalvedPredictions:
    """Predict best-of-N from half of the samples of every prompt, and measure it on the rest.

    A prediction draws with replacement from what its half shows, so that N of K samples hold
    K (1 - (1 - 1/K)^N) distinct ones: it lags behind where N is near K. In all of them a prompt's
    own share of right samples is used, and a prompt without scores is worth a random sample.

    Args:
      found: samples with a score, at least two of each prompt.
      counts: the N, at least 1.
      pairs: of splits that swap the halves.
      seed: seed of the splits.

    Raises:
      TableError: no sample has a score, or a prompt has one sample alone.

    Example:
      >>> from verigap.llm_validation import read_traces
      >>> from verigap.llm_validation.deciding.outcomes import outcomes_at
      >>> from verigap.llm_validation.deciding.score_prediction import halved_predictions
      >>> from verigap.llm_validation.pools import sample_pools
      >>> traces = read_traces("examples/humaneval_codegen16b.parquet")
      >>> (pools,) = sample_pools(traces, placed=False)
      >>> found = halved_predictions(outcomes_at(pools, None), [16], pairs=1, seed=0)
      >>> bool(abs(found.own - found.measured).mean() < 0.02 < abs(found.pooled - found.own).mean())
      True
    """
    if not np.isfinite(found.score[found.mask]).any():
        raise TableError("best-of-N by a score needs scores: give the table a verifier_score")
    if found.sizes.min() < 2:
        raise TableError("halves need at least two samples of every prompt")
    right = found.rewards["accuracy"]
    scored = np.any(np.isfinite(found.score) & found.mask, axis=1)
    rows = []
    for pair in range(pairs):
        half = _half(found.mask, np.random.default_rng([seed, _STREAM, pair]))
        for seen, held in ((half, found.mask & ~half), (found.mask & ~half, half)):
            own = own_curves(found.score, right, seen)
            pooled = pooled_curves(found.score, right, seen)
            value = {
                "own": [_mean(own, n) for n in counts],
                "others": _of_others(own, scored, counts),
                "pooled": [_mean(pooled, n) for n in counts],
                "measured": [_measured(found.score, right, held, n) for n in counts],
            }
            sizes = range(1, int(held.sum(axis=1).min()) + 1)
            curve = [_measured(found.score, right, held, n) for n in sizes]
            best = best_num_candidates(own).num_candidates or np.inf
            rows.append((value, best, 1 + int(np.argmax(curve))))
    values, best_own, best_measured = zip(*rows, strict=True)
    table = {name: np.array([each[name] for each in values]) for name in values[0]}
    return HalvedPredictions(
        counts=tuple(counts),
        best_own=np.array(best_own, float),
        best_measured=np.array(best_measured),
        **table,
    )


def own_curves(
    score: Float[np.ndarray, "P K"],
    right: Float[np.ndarray, "P K"],
    mask: Bool[np.ndarray, "P K"],
) -> ScoredLaw:
    """The law of correctness and score of each prompt, as its samples have them.

    Args:
      score: of each sample; NaN, a score that is not known, is the lowest.
      right: 1 where the sample is right, else 0.
      mask: whether there is a sample.

    Returns:
      Of returns 0 and 1, shape (P, 2, S), S the most distinct scores of a prompt.

    Example:
      >>> import numpy as np
      >>> from verigap.llm_validation.deciding.score_prediction import own_curves
      >>> from verigap.theory import scored_best_of_n_value
      >>> score, right = np.array([[0.2, 0.2, 0.9]]), np.array([[1.0, 0.0, 1.0]])
      >>> law = own_curves(score, right, np.ones((1, 3), bool))
      >>> float(scored_best_of_n_value(law, 2.0)[0].round(4)) == round(5 / 9 + 4 / 9 / 2, 4)
      True
    """
    level = np.zeros(score.shape, int)
    for prompt, present in enumerate(mask):
        known = np.where(np.isnan(score[prompt]), -np.inf, score[prompt])
        level[prompt, present] = np.unique(known[present], return_inverse=True)[1]
    counts = np.zeros((len(mask), 2, int(level.max()) + 1))
    prompt, sample = np.nonzero(mask)
    kind = (right[prompt, sample] > 0).astype(int)
    np.add.at(counts, (prompt, kind, level[prompt, sample]), 1.0)
    total = counts.sum(axis=2, keepdims=True)
    # Of a kind that a prompt lacks any law of scores will do.
    likelihood = np.where(total > 0, counts / np.maximum(total, 1.0), 1.0 / counts.shape[2])
    return ScoredLaw(_law(right, mask), host_array(likelihood))


def pooled_curves(
    score: Float[np.ndarray, "P K"],
    right: Float[np.ndarray, "P K"],
    mask: Bool[np.ndarray, "P K"],
) -> ScoredLaw:
    """Each prompt's own share of right samples, with one curve of all samples of the others.

    What a curve says that was made from a table without regard to prompts, if it were the same on
    every prompt. A prompt without any score tells nothing, and gives nothing to the curve.

    Args:
      score: of each sample; NaN, a score that is not known, is the lowest.
      right: 1 where the sample is right, else 0.
      mask: whether there is a sample.

    Returns:
      Of returns 0 and 1, shape (P, 2, S), S the distinct scores of all prompts.
    """
    scored = np.any(mask & np.isfinite(score), axis=1)
    known = np.where(np.isnan(score), -np.inf, score)
    levels = np.unique(known[mask & scored[:, None]])
    counts = np.zeros((len(mask), 2, levels.size))
    prompt, sample = np.nonzero(mask & scored[:, None])
    kind = (right[prompt, sample] > 0).astype(int)
    np.add.at(counts, (prompt, kind, np.searchsorted(levels, known[prompt, sample])), 1.0)
    others = counts.sum(axis=0) - counts
    total = np.maximum(others.sum(axis=2, keepdims=True), 1.0)
    # From the highest threshold down; the lowest level is below them all.
    reached = np.cumsum(others[:, :, ::-1], axis=2)[:, :, :-1] / total
    reached[~scored] = 0.0
    return ScoredLaw.from_roc(
        _law(right, mask), host_array(reached[:, 0]), host_array(1.0 - reached[:, 1])
    )


def same_prompt_correlation(
    score: Float[np.ndarray, "P K"], chosen: Bool[np.ndarray, "P K"]
) -> float:
    """Correlation of the scores of two samples of one prompt: the intraclass correlation ICC(1).

    0 where scores vary within prompts as over all samples, 1 where they do not vary within any.

    Args:
      score: of each sample, finite where it is chosen.
      chosen: samples that count, such as the wrong ones; at least two prompts have some, and one
        has several.

    Source: Shrout and Fleiss 1979, with the mean number of samples of unequal prompts.

    Example:
      >>> import numpy as np
      >>> from verigap.llm_validation.deciding.score_prediction import same_prompt_correlation
      >>> same_prompt_correlation(np.array([[0.1, 0.1], [0.7, 0.7]]), np.ones((2, 2), bool))
      1.0
    """
    some = np.any(chosen, axis=1)
    mask, values = chosen[some], np.where(chosen[some], score[some], 0.0)
    size = mask.sum(axis=1)
    mean = values.sum(axis=1) / size
    overall = values.sum() / size.sum()
    between = (size * (mean - overall) ** 2).sum() / (size.size - 1)
    within = (mask * (values - mean[:, None]) ** 2).sum() / (size.sum() - size.size)
    typical = (size.sum() - (size**2).sum() / size.sum()) / (size.size - 1)
    return float((between - within) / (between + (typical - 1) * within))


def _half(mask: Bool[np.ndarray, "P K"], rng: np.random.Generator) -> Bool[np.ndarray, "P K"]:
    """A random half of the samples of every prompt, rounded down."""
    order = np.where(mask, rng.random(mask.shape), np.inf)
    rank = np.argsort(np.argsort(order, axis=1), axis=1)
    return mask & (rank < (mask.sum(axis=1) // 2)[:, None])


def _law(right: Float[np.ndarray, "P K"], mask: Bool[np.ndarray, "P K"]) -> RewardLaw:
    share = arms.single((right > 0).astype(float), mask)
    return RewardLaw(host_array([0.0, 1.0]), host_array(np.stack([1.0 - share, share], axis=1)))


def _mean(scored: ScoredLaw, n: int) -> float:
    return float(np.mean(np.asarray(scored_best_of_n_value(scored, float(n)))))


def _of_others(
    own: ScoredLaw, scored: Bool[np.ndarray, " P"], counts: Sequence[int]
) -> list[float]:
    """Every prompt's share of right samples with the curve of each other prompt that has one."""
    share, likelihood = np.asarray(own.law.probabilities), np.asarray(own.likelihood)
    donors = np.flatnonzero((share.min(axis=1) > 0) & scored)
    total = np.zeros((len(share), len(counts)))
    for donor in donors:
        curve = likelihood[donor][:, likelihood[donor].any(axis=0)]
        taking = scored & (np.arange(len(share)) != donor)
        law = RewardLaw(own.law.support, host_array(share[taking]))
        given = ScoredLaw(law, host_array(np.broadcast_to(curve, (taking.sum(), *curve.shape))))
        for place, n in enumerate(counts):
            total[taking, place] += np.asarray(scored_best_of_n_value(given, float(n)))
    number = donors.size - np.isin(np.arange(len(share)), donors)
    # A prompt without scores is worth a random sample.
    mean = np.where(scored[:, None], total / np.maximum(number, 1)[:, None], share[:, 1:])
    return mean.mean(axis=0).tolist()


def _measured(
    score: Float[np.ndarray, "P K"],
    right: Float[np.ndarray, "P K"],
    mask: Bool[np.ndarray, "P K"],
    n: int,
) -> float:
    """Over all sets of N distinct samples; NaN where a prompt has fewer."""
    sizes = mask.sum(axis=1)
    if n > sizes.min():
        return float("nan")
    known = np.where(np.isnan(score), -np.inf, score)
    wins = best_of_pool(known, mask, win_table(sizes, n))
    return float((wins * (right > 0)).sum(axis=1).mean())
