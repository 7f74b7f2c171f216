"""Rows of the game planted-methods whose content is known."""

from __future__ import annotations

from typing import Any

import numpy as np

PROMPTS = 6
_SPENT = {
    "demonstrations": 0.0, "labels": 0.0, "training_tokens": 0.0, "training_flops": 0.0,
    "answer_tokens": 8.0, "answer_flops": 10.0, "checks": 0.0,
}  # fmt: skip


def method(
    name: str, value: float | np.ndarray, side: str = "vf", verifier: str = "", **more: float
) -> dict[str, Any]:
    """What a method earns on each prompt."""
    earned = np.broadcast_to(np.asarray(value, float), (PROMPTS,))
    return {
        "method": name, "side": side, "verifier": verifier, "value": earned.tolist(),
        "success": (earned / 10).tolist(), **_SPENT, **more,
    }  # fmt: skip


def curve(kind: str, of: str, points: dict[float, float], passed: bool = False) -> list[dict]:
    """A curve of constants."""
    return [
        {
            "curve": kind, "of": of, "at": at, "value": [value] * PROMPTS,
            "promised": [value + 1] * PROMPTS,
            "pass_at_n": [value / 10] * PROMPTS if passed else [],
        }
        for at, value in points.items()
    ]  # fmt: skip


def methods_row(
    methods: list[dict[str, Any]],
    *,
    trial: int = 0,
    family: str = "low",
    horizon: int = 8,
    block: str = "methods",
) -> dict[str, Any]:
    """One training of some methods."""  # fmt: skip
    return {
        "cell": f"{block}{family}{horizon}{trial}", "block": block, "series": "{}",
        "exponent": False, "game": "planted-methods", "family": family, "horizon": horizon,
        "data_budget": 32, "symbols": 3, "vocabulary": 8, "longest": 24, "num_candidates": 4,
        "trial": trial, "parameters": 1000, "budget_training_tokens": 2000.0,
        "expert_value": [7.0] * PROMPTS, "methods": methods,
        "verifiers": [
            {
                "name": "learned", "labels": 32, "error": 1.5, "correlation": 0.5,
                "false_positive": 0.1 * (trial + 1), "false_negative": 0.2,
            }
        ],
        "corrections": [{"verifier": "learned", "predicted": [0.4] * PROMPTS}],
        "curves": [
            *curve("vote", "", {1.0: 2.0, 2.0: 3.0}),
            *curve("best-of-n", "exact", {1.0: 2.0, 2.0: 5.0}),
            *curve("best-of-n", "learned", {1.0: 2.0, 2.0: 4.0}),
            *curve("training", "cloning", {0.0: 2.0, 5.0: 1.0}, passed=True),
        ],
    }  # fmt: skip
