"""Pools and tables that tests make up."""

from __future__ import annotations

import numpy as np
import polars as pl

from verigap.llm_validation.traces import Traces


def table(prompts: int = 12, samples: int = 8, seed: int = 0) -> pl.DataFrame:
    """Traces whose correct answers agree and are short; a score that knows a little."""
    rng = np.random.default_rng(seed)
    count = prompts * samples
    prompt = np.repeat(np.arange(prompts), samples)
    correct = rng.random(count) < rng.beta(1, 2, prompts)[prompt]
    length = np.where(correct, rng.integers(10, 30, count), rng.integers(20, 60, count))
    return pl.DataFrame(
        {
            "prompt_id": [f"p{index:02d}" for index in prompt],
            "correct": correct,
            "n_tokens": length,
            "first_correct": pl.Series(np.where(correct, length - 5, 0)).replace(0, None),
            "answer": np.where(correct, "24", rng.integers(0, 4, count).astype(str)),
            "verifier_score": correct + rng.normal(size=count),
            "logprob": -length / 10 + rng.normal(size=count),
        }
    )


def traces(frame: pl.DataFrame) -> Traces:
    return Traces(frame, "made")
