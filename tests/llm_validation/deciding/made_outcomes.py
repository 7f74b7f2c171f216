"""Small pools for the tests of decisions."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import ArrayLike

from verigap.llm_validation.deciding.candidates import Candidates, gather
from verigap.llm_validation.deciding.outcomes import Outcomes, numbered, outcomes_at
from verigap.llm_validation.pools.pools import SamplePools
from verigap.storage.units import LengthUnit


def pools(
    correct: ArrayLike,
    length: ArrayLike | None = None,
    answer: ArrayLike | None = None,
    score: ArrayLike | None = None,
    **other: Any,
) -> SamplePools:
    """Pools of equal sizes; by default there are no lengths, answers or scores."""
    correct = np.asarray(correct).astype(bool)
    nothing = np.full(correct.shape, np.nan)
    lengths = nothing if length is None else np.asarray(length, float)
    fields: dict[str, Any] = {
        "dataset": "made",
        "model": "made",
        "unit": LengthUnit.TOKENS,
        "prompt_ids": tuple(f"p{index:03d}" for index in range(len(correct))),
        "mask": np.ones(correct.shape, bool),
        "correct": correct,
        "ends_correct": correct,
        "first_correct": np.where(correct, lengths, np.inf),
        "n_tokens": lengths,
        "answer": np.full(correct.shape, -1) if answer is None else np.asarray(answer),
        "verifier_score": nothing if score is None else np.asarray(score, float),
        "logprob": nothing,
        "text": None,
        "unverified": 0,
        "left_out": 0,
        "beyond": 0,
        "correct_only_at_end": 0,
    }
    return SamplePools(**(fields | other))


def made(correct: ArrayLike, horizon: Any = None, **other: Any) -> Outcomes:
    """Outcomes of such pools."""
    return outcomes_at(pools(correct, **other), horizon)


def subsets(found: Outcomes, n: int) -> Candidates:
    """All sets of N of the samples of each prompt."""
    prompts, samples = found.mask.shape
    every = np.array(list(itertools.combinations(range(samples), n)))
    index = np.broadcast_to(every, (prompts, *every.shape))
    share = np.full(index.shape[:2], 1 / len(every))
    return Candidates(index=index, answer=numbered(gather(found.answer, index)), share=share)


@st.composite
def samples_of_one(draw: st.DrawFn, size: int = 6) -> dict[str, np.ndarray]:
    """Samples of one prompt: few answers and lengths, so that much ties; some unknown."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    kinds = draw(st.integers(1, 4))
    length = rng.integers(1, 4, (1, size)).astype(float)
    length[rng.random((1, size)) < draw(st.sampled_from([0.0, 0.3]))] = np.nan
    return {
        "correct": rng.random((1, size)) < 0.5,
        "answer": rng.integers(-1, kinds, (1, size)),
        "length": length,
        "score": np.round(rng.random((1, size)) * draw(st.sampled_from([1, 3, 100]))),
    }
