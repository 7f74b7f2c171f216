"""Populations of prompts whose best way to select and to train is known, for `verdict_errors`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float

from verigap.llm_validation.deciding.outcomes import Outcomes, outcomes_at
from verigap.llm_validation.pools.pools import SamplePools
from verigap.storage.units import LengthUnit

SAMPLES = 16
_WRONG = 12
_SCORE_SHIFT = 1.0
_LENGTH_SHIFT = 0.3


@dataclass(frozen=True, kw_only=True)
class Population:
    """How prompts and their samples are drawn.

    Attributes:
      difficulty: of prompts, by the chance of a right sample: "sharp" (nearly always or hardly
        ever), "spread" (uniform), "hard" (0.09 on average, mostly 0) or "easy" (0.83).
      length: right samples are shorter by 0.3 of a log unit ("informative"), as long as wrong ones
        ("uninformative"), or longer ("misleading").
      vote: wrong answers are scattered ("right": the vote finds a right answer wherever it is not
        rare), or three in four of a prompt are the same ("wrong").
      score: a score apart by one standard deviation between right and wrong samples, as a feature
        to learn from ("learnable"), as the table's own `verifier_score` ("table"), or "none".
    """

    difficulty: Literal["sharp", "spread", "hard", "easy"]
    length: Literal["informative", "uninformative", "misleading"]
    vote: Literal["right", "wrong"]
    score: Literal["none", "learnable", "table"]

    def __str__(self) -> str:
        return f"{self.difficulty}, length {self.length}, vote {self.vote}, score {self.score}"

    def chances(self, rng: np.random.Generator, prompts: int) -> Float[np.ndarray, " P"]:
        """Chance of a right sample of each prompt."""
        if self.difficulty == "sharp":
            return np.where(rng.random(prompts) < 0.5, 0.95, 0.03)
        a, b = {"spread": (1.0, 1.0), "hard": (0.3, 3.0), "easy": (5.0, 1.0)}[self.difficulty]
        return rng.beta(a, b, prompts)

    def pools(self, rng: np.random.Generator, prompts: int, samples: int) -> SamplePools:
        """The samples of one table."""
        shape = (prompts, samples)
        correct = rng.random(shape) < self.chances(rng, prompts)[:, None]
        shift = {"informative": -1, "uninformative": 0, "misleading": 1}[self.length]
        log_length = rng.normal(4.0, 0.4, (prompts, 1)) + rng.normal(0.0, 0.3, shape)
        length = np.ceil(np.exp(log_length + shift * _LENGTH_SHIFT * correct))
        wrong = rng.integers(1, _WRONG + 1, shape)
        if self.vote == "wrong":
            wrong = np.where(rng.random(shape) < 0.75, 1, wrong)
        noise, signal = rng.normal(size=shape), _SCORE_SHIFT * correct + rng.normal(size=shape)
        return SamplePools(
            dataset="made",
            model=str(self),
            unit=LengthUnit.TOKENS,
            prompt_ids=tuple(map(str, range(prompts))),
            mask=np.ones(shape, bool),
            correct=correct,
            ends_correct=correct,
            first_correct=np.where(correct, length, np.inf),
            n_tokens=length,
            answer=np.where(correct, 0, wrong),
            verifier_score=signal if self.score == "table" else np.full(shape, np.nan),
            logprob=signal if self.score == "learnable" else noise,
            text=None,
            unverified=0,
            left_out=0,
            beyond=0,
            correct_only_at_end=0,
        )

    def outcomes(self, rng: np.random.Generator, prompts: int, samples: int = SAMPLES) -> Outcomes:
        """What the samples of one table are worth, without a budget."""
        return outcomes_at(self.pools(rng, prompts, samples), None)


def _named(difficulty: str, length: str, vote: str, score: str) -> Population:
    return Population(difficulty=difficulty, length=length, vote=vote, score=score)  # pyright: ignore[reportArgumentType]


POPULATIONS: dict[str, Population] = {
    str(population): population
    for population in (
        _named("sharp", "informative", "right", "none"),
        _named("sharp", "misleading", "wrong", "learnable"),
        _named("spread", "informative", "wrong", "none"),
        _named("spread", "uninformative", "right", "learnable"),
        _named("spread", "misleading", "right", "table"),
        _named("spread", "uninformative", "wrong", "none"),
        _named("hard", "informative", "wrong", "learnable"),
        _named("hard", "uninformative", "right", "none"),
        _named("hard", "misleading", "right", "learnable"),
        _named("easy", "informative", "right", "learnable"),
        _named("easy", "uninformative", "wrong", "none"),
        _named("easy", "misleading", "wrong", "table"),
    )
}
"""A part of all combinations in which every level of each comes up at least twice."""
