"""Rows as a trained cell stores them, with values that a test chooses."""

from typing import Any

import numpy as np

_COST = {
    "predicted": [1.0],
    "kl": [0.1],
    "training_flops": 1.0,
    "training_tokens": 1.0,
    "trace_tokens": 8.0,
}


def trained_row(
    family: str,
    horizon: int,
    n: int,
    trial: int,
    *,
    cloned: np.ndarray,
    gap: float,
    gap_unleashed: float,
    block: str = "b",
    correlation: float = 0.9,
    base_kl: float = 0.01,
) -> dict[str, Any]:
    """One training: cloning earns `cloned` a prompt, on the leash and off it, and VB a gap more."""
    prompts = len(cloned)

    def policy(learner: str, value: np.ndarray, leashed: np.ndarray) -> dict[str, Any]:
        return {**_COST, "learner": learner, "value": value.tolist(), "leashed": leashed.tolist()}

    return {
        "cell": f"{family}-{block}-{horizon}-{n}-{trial}",
        "block": block,
        "series": "{}",
        "exponent": True,
        "game": "planted",
        "family": family,
        "horizon": horizon,
        "data_budget": n,
        "symbols": 3,
        "vocabulary": 8,
        "longest": 24,
        "chi2_radius": 1.0,
        "num_candidates": 8,
        "parameters": {"policy": 1000},
        "oracle_sd": [0.2 * horizon] * prompts,
        "oracle_value": [0.3 * horizon] * prompts,
        "expert_value": [0.6 * horizon] * prompts,
        "base_value": [0.3 * horizon] * prompts,
        "base_kl": base_kl,
        "coverage": [0.2] * prompts,
        "verifier": {"correlation": correlation, "accuracy": 0.95, "majority": 0.6},
        "policies": [
            policy("vf-cloning", cloned, cloned),
            policy("vb-best-of-n", cloned + gap_unleashed, cloned + gap),
        ],
    }
