"""How to select among N samples at test time: every arm at the same N, over a grid of N."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import special

from verigap.llm_validation.deciding import arms
from verigap.llm_validation.deciding.candidates import (
    Candidates,
    candidate_counts,
    draw_order,
    gather,
    largest_common,
)
from verigap.llm_validation.deciding.learned_score import Compared, compared, learn_scores
from verigap.llm_validation.deciding.outcomes import Currency, Outcomes
from verigap.llm_validation.pools.policy_values import halves

WITHOUT_VERIFIER = ("single", "shortest", "vote", "vote_shortest")
BY_SCORE = ("best_score", "vote_score")
BY_LEARNED = ("best_learned", "vote_learned")
EXACT = ("exact",)
ARMS = (*WITHOUT_VERIFIER, *BY_SCORE, *BY_LEARNED, *EXACT)
SPLITS = 8


@dataclass(frozen=True, kw_only=True, eq=False)
class Selection:
    """Mean reward of every arm on every prompt, by N.

    Attributes:
      counts: the N, ascending.
      prompts: positions of the prompts in the pools: those with samples for the largest N.
      left_out: prompts with fewer samples.
      values: by currency and arm (see `ARMS`), in the unit of the currency. An arm is missing where
        the table has nothing for it: no answer, no length, no score, or no prompt to learn from.
      labels: n, labelled samples behind each learned score.
      tokens: mean length of a sample; NaN where lengths are unknown. An arm at N spends N times it.
      unconverged: fits of the learned score that did not converge, of `fits`.
      mixed: prompts with rewards that differ, in accuracy.
    """

    counts: tuple[int, ...]
    prompts: Int[np.ndarray, " P"]
    left_out: int
    values: dict[Currency, dict[str, Float[np.ndarray, "N P"]]]
    labels: int
    tokens: float
    unconverged: int
    fits: int
    mixed: int

    def position(self, n: int) -> int:
        """Position of the largest N that is at most n."""
        return int(np.searchsorted(self.counts, n, "right")) - 1


def select(
    found: Outcomes,
    *,
    labels: int,
    seed: int,
    advance: Callable[[float], None] | None = None,
) -> Selection:
    """Value of every arm at every N on every prompt.

    The learned score is fitted on one random half of the prompts and used on the other; 8 splits,
    in pairs that swap the halves. Its label is the reward in the currency.

    Args:
      found: samples of at least one prompt.
      labels: n of the learned score, at least 1.
      seed: seed of the candidates, the splits and the labelled samples.
      advance: called with the share of the work that is done.

    Example:
      >>> from verigap.llm_validation import read_traces
      >>> from verigap.llm_validation.deciding.outcomes import outcomes
      >>> from verigap.llm_validation.deciding.selection import select
      >>> from verigap.llm_validation.pools import sample_pools
      >>> (pools,) = sample_pools(read_traces("examples/smollm2_products.parquet"))
      >>> found = select(outcomes(pools, 64), labels=64, seed=0)
      >>> found.counts
      (1, 2, 4, 8, 16, 32)
      >>> found.values["accuracy"]["exact"].mean(axis=1).round(2).tolist()[-1] > 0.5
      True
    """
    largest = largest_common(found.sizes)
    kept = found.sizes >= largest
    part = found.of_prompts(kept)
    counts = candidate_counts(largest)
    order = draw_order(part.mask, largest, seed)
    by_n, unconverged, fits = [], 0, 0
    for n in counts:
        sets = Candidates.of(part, order, n)
        values = {name: _untrained(part, sets, reward, n) for name, reward in part.rewards.items()}
        learned, failed, tried = _learned(part, sets, labels, seed)
        by_n.append({name: row | learned.get(name, {}) for name, row in values.items()})
        unconverged, fits = unconverged + failed, fits + tried
        if advance is not None:
            advance(sum(m for m in counts if m <= n) / sum(counts))
    accuracy = np.where(part.mask, part.rewards["accuracy"], np.nan)
    return Selection(
        counts=counts,
        prompts=np.flatnonzero(kept),
        left_out=int((~kept).sum()),
        values={
            name: {arm: np.stack([row[name][arm] for row in by_n]) for arm in by_n[0][name]}
            for name in part.rewards
        },
        labels=labels,
        tokens=part.mean_length,
        unconverged=unconverged,
        fits=fits,
        mixed=int((np.nanmax(accuracy, axis=1) > np.nanmin(accuracy, axis=1)).sum()),
    )


def _untrained(
    found: Outcomes, sets: Candidates, reward: Float[np.ndarray, "P K"], n: int
) -> dict[str, Float[np.ndarray, " P"]]:
    """The arms that learn nothing, as far as the table allows them."""
    values = {"single": arms.single(reward, found.mask)}
    known_length = np.isfinite(found.length).any()
    if known_length:
        values["shortest"] = arms.best_scored(-found.length, reward, found.mask, n)
    if (found.answer >= 0).any():
        values["vote"] = arms.vote(sets, reward)
        if known_length:
            shortest = sets.shortest_of_group(gather(found.length, sets.index))
            values["vote_shortest"] = arms.vote(sets, reward, member=shortest)
    if np.isfinite(found.score).any():
        values["best_score"] = arms.best_scored(found.score, reward, found.mask, n)
        if (found.answer >= 0).any():
            weight = gather(_weights(found.score), sets.index)
            values["vote_score"] = arms.vote(sets, reward, weight)
    values["exact"] = arms.best_scored(reward, reward, found.mask, n)
    return values


def _weights(score: Float[np.ndarray, "P K"]) -> Float[np.ndarray, "P K"]:
    """Scores as weights of a vote: from 0 on, unknown ones 0."""
    known = np.isfinite(score)
    least = min(0.0, float(score[known].min(initial=0.0)))
    return np.where(known, score - least, 0.0)


def _learned(
    found: Outcomes, sets: Candidates, labels: int, seed: int
) -> tuple[dict[Currency, dict[str, Float[np.ndarray, " P"]]], int, int]:
    """The arms by a learned score, on prompts that it was not fitted on, mean over the splits."""
    prompts = len(found.mask)
    if prompts < 2:
        return {}, 0, 0
    beside = compared(found, sets)
    train = halves(prompts, seeds=SPLITS, seed=seed)
    values: dict[Currency, dict[str, np.ndarray]] = {}
    failed = 0
    for place, (currency, reward) in enumerate(found.rewards.items()):
        label = reward / found.scale(currency)
        models = learn_scores(found, sets, beside, label, train, labels, (seed, 11, place))
        failed += sum(not model.converged for model in models)
        totals: dict[str, np.ndarray] = {}
        for model, trained in zip(models, train, strict=True):
            held = ~trained
            odds = model.odds(found.alone.values[held], sets.index[held], _rows(beside, held))
            picked = _by_score(odds, sets.of_prompts(held), reward[held])
            for arm, value in picked.items():
                totals.setdefault(arm, np.zeros(prompts))[held] += value
        values[currency] = {arm: total / (~train).sum(axis=0) for arm, total in totals.items()}
    return values, failed, SPLITS * len(found.rewards)


def _rows(beside: Compared, chosen: Bool[np.ndarray, " P"]) -> Compared:
    return Compared(*(feature[chosen] for feature in beside))


def _by_score(
    odds: Float[np.ndarray, "P R N"], sets: Candidates, reward: Float[np.ndarray, "P K"]
) -> dict[str, Float[np.ndarray, " P"]]:
    """The two arms that a learned score allows."""
    values = {"best_learned": arms.best_of(odds, gather(reward, sets.index))}
    if sets.groups:
        values["vote_learned"] = arms.vote(sets, reward, special.expit(odds))
    return values
