"""What every sample of a group is worth at one budget, and what may be seen of it there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Int

from verigap.llm_validation.pools.features import Features, features, hashed_words
from verigap.llm_validation.pools.pools import SamplePools
from verigap.storage.units import LengthUnit

Currency = Literal["accuracy", "return"]
CURRENCIES: tuple[Currency, ...] = ("accuracy", "return")


@dataclass(frozen=True, kw_only=True, eq=False)
class Outcomes:
    """The samples of the P prompts of one group at one budget, K of them padded to one shape.

    Attributes:
      unit: what lengths and returns count.
      horizon: the budget H in that unit; None where samples are never cut.
      mask: whether there is a sample.
      rewards: by currency. "accuracy" is 1 where the sample is correct when it ends, or is stopped
        at H; "return" is H - T + 1 for a sample that is first correct at T <= H, else 0, and is
        missing where there is no budget or the place of a correct sample is not known.
      length: tokens of the sample until it ends or is stopped; NaN where unknown.
      ended: whether the sample ends by H, or its length is unknown.
      answer: a number from 0 for each distinct answer of a prompt, -1 without one: what the sample
        ends with. Where it is stopped at H before that, it is taken to say the same there, unless
        it became right, or wrong again, only later: then it has none.
      score: the table's `verifier_score` of the whole sample, stopped or not; NaN without one.
      alone: features of each sample that need no other sample of its prompt.
    """

    unit: LengthUnit
    horizon: int | None
    mask: Bool[np.ndarray, "P K"]
    rewards: dict[Currency, Float[np.ndarray, "P K"]]
    length: Float[np.ndarray, "P K"]
    ended: Bool[np.ndarray, "P K"]
    answer: Int[np.ndarray, "P K"]
    score: Float[np.ndarray, "P K"]
    alone: Features

    @property
    def sizes(self) -> Int[np.ndarray, " P"]:
        """Samples of each prompt."""
        return self.mask.sum(axis=1)

    @property
    def mean_length(self) -> float:
        """Mean over prompts of the mean known length of a sample; NaN where none is known."""
        known = np.isfinite(self.length) & self.mask
        each = np.where(known, self.length, 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
        return float(each[known.any(axis=1)].mean()) if known.any() else float("nan")

    def scale(self, currency: Currency) -> float:
        """The largest reward there is: 1, or H."""
        return 1.0 if currency == "accuracy" else float(self.horizon or 1)

    def of_prompts(self, chosen: Bool[np.ndarray, " P"]) -> Outcomes:
        """The same of some prompts."""
        return Outcomes(
            unit=self.unit,
            horizon=self.horizon,
            mask=self.mask[chosen],
            rewards={name: values[chosen] for name, values in self.rewards.items()},
            length=self.length[chosen],
            ended=self.ended[chosen],
            answer=self.answer[chosen],
            score=self.score[chosen],
            alone=self.alone.of_prompts(chosen),
        )


def outcomes_at(pools: SamplePools, horizon: int | None) -> Outcomes:
    """Worth and visible features of the samples of a group at a budget.

    Args:
      pools: the samples; built with `placed=False` if some have no length.
      horizon: H in the unit of the pools, at least 1; None cuts nothing.

    Example:
      >>> from verigap.llm_validation import read_traces
      >>> from verigap.llm_validation.deciding.outcomes import outcomes_at
      >>> from verigap.llm_validation.pools import sample_pools
      >>> (pools,) = sample_pools(read_traces("examples/smollm2_products.parquet"))
      >>> round(float(outcomes_at(pools, None).rewards["accuracy"].sum() / pools.sizes.sum()), 3)
      0.085
    """
    limit = np.inf if horizon is None else float(horizon)
    ended = pools.finished(limit)
    found = pools.correct & (pools.first_correct <= limit)
    rewards: dict[Currency, np.ndarray] = {
        "accuracy": (pools.mask & np.where(ended, pools.ends_correct, found)).astype(float)
    }
    if horizon is not None and returns_known(pools, horizon):
        rewards["return"] = np.where(pools.mask, pools.returns(horizon), 0.0)
    # What it says at H is known to be as right as what it ends with.
    settled = ended | (found == pools.ends_correct)
    length = np.where(pools.mask, np.minimum(pools.n_tokens, limit), np.nan)
    return Outcomes(
        unit=pools.unit,
        horizon=horizon,
        mask=pools.mask,
        rewards=rewards,
        length=length,
        ended=ended,
        answer=numbered(np.where(pools.mask & settled, pools.answer, -1)),
        score=np.where(pools.mask, pools.verifier_score, np.nan),
        alone=features(pools, limit, hashed_words(pools), alone=True),
    )


def returns_known(pools: SamplePools, horizon: int | None) -> bool:
    """Whether there is a budget, and the place of every correct sample is known."""
    return horizon is not None and not np.isnan(pools.first_correct[pools.correct]).any()


def numbered(answer: Int[np.ndarray, "*sets K"]) -> Int[np.ndarray, "*sets K"]:
    """Answers numbered from 0 within each row, in the order of their numbers; -1 stays."""
    order = np.argsort(answer, axis=-1, kind="stable")
    ordered = np.take_along_axis(answer, order, axis=-1)
    new = ordered >= 0
    new[..., 1:] &= ordered[..., 1:] != ordered[..., :-1]
    number = np.cumsum(new, axis=-1) - 1
    codes = np.empty_like(answer)
    np.put_along_axis(codes, order, np.where(ordered >= 0, number, -1), axis=-1)
    return codes
