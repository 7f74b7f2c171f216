"""How to select among N samples at test time: every arm at the same N, over a grid of N."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import special

from verigap.llm_validation.deciding import arms
from verigap.llm_validation.deciding.candidates import (
    Candidates,
    candidate_counts,
    gather,
    largest_common,
)
from verigap.llm_validation.deciding.erring_check import roc_curve
from verigap.llm_validation.deciding.held_out import HeldOut
from verigap.llm_validation.deciding.learned_score import Compared, compared, learn_scores
from verigap.llm_validation.deciding.outcomes import Currency, Outcomes
from verigap.llm_validation.pools.policy_values import halves
from verigap.theory import RocCurve

WITHOUT_VERIFIER = ("single", "shortest", "vote", "vote_shortest")
BY_SCORE = ("vote_score", "best_score")
BY_LEARNED = ("vote_learned", "best_learned")
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
      accuracy_for_return: accuracy of the learned arms whose score was fitted to returns, by arm;
        all other arms pick the same samples in both currencies. Empty without returns.
      shifts: by currency and learned arm: how much its mean moves with the training prompts, see
        `HeldOut`; for `JointMeans.of`.
      roc: at the N asked for, of "learned" (the score fitted to accuracy, on held-out prompts) and
        of "score", the table's own.
      labels: n, labelled samples behind each learned score.
      length: mean length of a sample; NaN where lengths are unknown. An arm at N spends N times it.
      unconverged: fits of the learned score that did not converge, of `fits`.
      mixed: prompts on which samples differ in accuracy.
      correct, sizes: right samples and samples of each prompt.
    """

    counts: tuple[int, ...]
    prompts: Int[np.ndarray, " P"]
    left_out: int
    values: dict[Currency, dict[str, Float[np.ndarray, "N P"]]]
    accuracy_for_return: dict[str, Float[np.ndarray, "N P"]]
    shifts: dict[Currency, dict[str, Float[np.ndarray, "N pairs"]]]
    roc: dict[str, RocCurve]
    labels: int
    length: float
    unconverged: int
    fits: int
    mixed: int
    correct: Int[np.ndarray, " P"]
    sizes: Int[np.ndarray, " P"]

    def position(self, n: int) -> int:
        """Position of the largest N that is at most n."""
        return int(np.searchsorted(self.counts, n, "right")) - 1


def select(
    found: Outcomes,
    *,
    labels: int,
    num_candidates: int = 8,
    counts: Sequence[int] | None = None,
    learn: bool = True,
    seed: int,
    advance: Callable[[float], None] | None = None,
    draw: Callable[[Outcomes, int, int], Candidates] = Candidates.of,
) -> Selection:
    """Value of every arm at every N on every prompt.

    The learned score is fitted on one random half of the prompts and used on the other; 8 splits,
    in pairs that swap the halves. Its label is the reward in the currency.

    Args:
      found: samples of at least one prompt.
      labels: n of the learned score, at least 1.
      num_candidates: an N that the grid holds, as far as there are samples.
      counts: the N, ascending; by default 1, 2, 4, ... up to the samples there are.
      learn: whether to fit scores; without, the arms by a learned score are missing.
      seed: seed of the candidates, the splits and the labelled samples.
      advance: called with the share of the work that is done.
      draw: sets of N candidates of the samples, from N and the seed.

    Example:
      >>> from verigap.llm_validation import read_traces
      >>> from verigap.llm_validation.deciding.outcomes import outcomes_at
      >>> from verigap.llm_validation.deciding.selection import select
      >>> from verigap.llm_validation.pools import sample_pools
      >>> (pools,) = sample_pools(read_traces("examples/smollm2_products.parquet"))
      >>> found = select(outcomes_at(pools, 64), labels=64, seed=0)
      >>> found.counts
      (1, 2, 4, 8, 16, 32)
      >>> [round(float(found.values["accuracy"]["exact"][i].mean()), 3) for i in (0, -1)]
      [0.085, 0.5]
    """
    largest = largest_common(found.sizes, num_candidates)
    kept = found.sizes >= largest
    part = found.of_prompts(kept)
    if counts is None:
        counts = candidate_counts(largest, num_candidates)
    train = halves(len(part.mask), seeds=SPLITS, seed=seed)
    rows = []
    for n in counts:
        sets = draw(part, n, seed)
        values: dict[Currency, dict[str, np.ndarray]] = {
            name: _untrained(part, sets, name, n) for name in part.rewards
        }
        row = _Row(values=values)
        if learn and train.any():
            row = _learned(values, part, sets, train, labels, seed, curve=n == num_candidates)
        rows.append(_one_sample(row) if n == 1 else row)
        if advance is not None:
            advance(sum(m for m in counts if m <= n) / sum(counts))
    return _selection(found, part, kept, tuple(counts), rows, labels)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Row:
    """What is found at one N."""

    values: dict[Currency, dict[str, np.ndarray]]
    accuracy_for_return: dict[str, np.ndarray] = field(default_factory=dict)
    shifts: dict[Currency, dict[str, np.ndarray]] = field(default_factory=dict)
    roc: RocCurve | None = None
    unconverged: int = 0
    fits: int = 0


def _selection(
    found: Outcomes,
    part: Outcomes,
    kept: Bool[np.ndarray, " P"],
    counts: tuple[int, ...],
    rows: Sequence[_Row],
    labels: int,
) -> Selection:
    right = (part.rewards["accuracy"] > 0) & part.mask
    curves = {"learned": next((row.roc for row in rows if row.roc is not None), None)}
    scored = np.isfinite(part.score) & part.mask
    if scored.any():
        curves["score"] = roc_curve(part.score[scored], right[scored].astype(float))
    return Selection(
        counts=counts,
        prompts=np.flatnonzero(kept),
        left_out=int((~kept).sum()),
        values={
            name: {arm: np.stack([row.values[name][arm] for row in rows]) for arm in by_arm}
            for name, by_arm in rows[0].values.items()
        },
        accuracy_for_return={
            arm: np.stack([row.accuracy_for_return[arm] for row in rows])
            for arm in rows[0].accuracy_for_return
        },
        shifts={
            name: {arm: np.stack([row.shifts[name][arm] for row in rows]) for arm in by_arm}
            for name, by_arm in rows[0].shifts.items()
        },
        roc={name: curve for name, curve in curves.items() if curve is not None},
        labels=labels,
        length=part.mean_length,
        unconverged=sum(row.unconverged for row in rows),
        fits=sum(row.fits for row in rows),
        mixed=int(((right.sum(axis=1) > 0) & (right.sum(axis=1) < part.sizes)).sum()),
        correct=right.sum(axis=1),
        sizes=part.sizes,
    )


def _untrained(
    found: Outcomes, sets: Candidates, currency: Currency, n: int
) -> dict[str, Float[np.ndarray, " P"]]:
    """The arms that learn nothing, as far as the table allows them."""
    reward, answers = found.rewards[currency], (found.answer >= 0).any()
    values = {"single": arms.single(reward, found.mask)}
    known_length = np.isfinite(found.length).any()
    if known_length:
        values["shortest"] = arms.best_scored(-found.length, reward, found.mask, n)
    if answers:
        values["vote"] = arms.vote(sets, reward)
        if known_length:
            shortest = sets.shortest_of_group(gather(found.length, sets.index))
            values["vote_shortest"] = arms.vote(sets, reward, member=shortest)
    if np.isfinite(found.score).any():
        if answers:
            weight = _weights(gather(found.score, sets.index))
            values["vote_score"] = arms.vote(sets, reward, weight)
        values["best_score"] = arms.best_scored(found.score, reward, found.mask, n)
    values["exact"] = arms.best_scored(reward, reward, found.mask, n)
    return values


def _weights(score: Float[np.ndarray, "P R N"]) -> Float[np.ndarray, "P R N"]:
    """Scores of candidates as weights of their votes, unknown ones 0.

    Where some are negative they count from the lowest of the same N, which is all that a vote sees.
    """
    known = np.isfinite(score)
    least = np.where(known, score, 0.0).min(axis=2, keepdims=True)
    return np.where(known, score - np.minimum(least, 0.0), 0.0)


def _learned(
    values: Mapping[Currency, dict[str, Float[np.ndarray, " P"]]],
    found: Outcomes,
    sets: Candidates,
    train: Bool[np.ndarray, "splits P"],
    labels: int,
    seed: int,
    *,
    curve: bool,
) -> _Row:
    """The arms by a learned score, means over the splits that held a prompt out, beside the others.

    Args:
      values: of the arms that learn nothing.
      found: the samples.
      sets: the candidates.
      train: which prompts each split learns from.
      labels: n.
      seed: seed of the labelled samples.
      curve: whether the ROC curve is wanted.
    """
    beside = compared(found, sets)
    accuracy = found.rewards["accuracy"]
    by_currency, accuracies, roc, unconverged = {}, {}, None, 0
    for place, (currency, reward) in enumerate(found.rewards.items()):
        label = reward / found.scale(currency)
        models = learn_scores(found, sets, beside, label, train, labels, (seed, 11, place))
        unconverged += sum(not model.converged for model in models)
        own, right, shown = _Splits(~train), _Splits(~train), []
        for split, (model, held) in enumerate(zip(models, ~train, strict=True)):
            odds = model.odds(found.alone.values[held], sets.index[held], _rows(beside, held))
            subsets = sets.of_prompts(held)
            own.add(split, _by_score(odds, subsets, reward[held]))
            if currency == "return":
                right.add(split, _by_score(odds, subsets, accuracy[held]))
            elif curve:
                earned = gather(accuracy[held], subsets.index)
                shown.append((odds[:, 0].ravel(), earned[:, 0].ravel()))
        by_currency[currency] = own.held_out()
        accuracies |= {arm: each.values for arm, each in right.held_out().items()}
        if shown:
            scores, rights = (np.concatenate(each) for each in zip(*shown, strict=True))
            roc = roc_curve(scores, rights)
    return _Row(
        values={
            name: by_arm | {arm: each.values for arm, each in by_currency[name].items()}
            for name, by_arm in values.items()
        },
        accuracy_for_return=accuracies,
        shifts={
            name: {arm: each.shifts for arm, each in by_arm.items()}
            for name, by_arm in by_currency.items()
        },
        roc=roc,
        unconverged=unconverged,
        fits=len(train) * len(found.rewards),
    )


class _Splits:
    """Values of prompts in the splits that hold them out."""

    def __init__(self, held_out: Bool[np.ndarray, "splits P"]) -> None:
        self._held_out = held_out
        self._values: dict[str, np.ndarray] = {}

    def add(self, split: int, values: dict[str, np.ndarray]) -> None:
        for arm, value in values.items():
            table = self._values.setdefault(arm, np.zeros(self._held_out.shape))
            table[split, self._held_out[split]] = value

    def held_out(self) -> dict[str, HeldOut]:
        return {arm: HeldOut.of(table, self._held_out) for arm, table in self._values.items()}


def _one_sample(row: _Row) -> _Row:
    """The same with the exact value of one sample for every arm, as N = 1 leaves no choice."""
    single = {name: by_arm["single"] for name, by_arm in row.values.items()}
    return replace(
        row,
        values={name: dict.fromkeys(by_arm, single[name]) for name, by_arm in row.values.items()},
        accuracy_for_return=dict.fromkeys(row.accuracy_for_return, single["accuracy"]),
        shifts={
            name: {arm: np.zeros(each.shape) for arm, each in by_arm.items()}
            for name, by_arm in row.shifts.items()
        },
    )


def _rows(beside: Compared, chosen: Bool[np.ndarray, " P"]) -> Compared:
    return Compared(*(feature[chosen] for feature in beside))


def _by_score(
    odds: Float[np.ndarray, "P R N"], sets: Candidates, reward: Float[np.ndarray, "P K"]
) -> dict[str, Float[np.ndarray, " P"]]:
    """The two arms that a learned score allows."""
    values = {}
    if sets.groups:
        values["vote_learned"] = arms.vote(sets, reward, special.expit(odds))
    return values | {"best_learned": arms.best_of(sets, odds, reward)}
