"""How hard the prompts of one group are, as plain dictionaries and lists."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from verigap.llm_validation.deciding.decisions import GroupDecisions


def prompts_content(group: GroupDecisions, prompt_ids: Sequence[str]) -> dict[str, Any]:
    """How hard the prompts are: a histogram, and each of them from hard to easy."""
    found = group.outcomes
    right = (found.rewards["accuracy"] * found.mask).sum(axis=1)
    share = right / found.sizes
    bins, edges = np.histogram(share, bins=10, range=(0.0, 1.0))
    vote = dict(
        zip(group.selection.prompts.tolist(), _at_n(group, "vote"), strict=True)
        if "vote" in group.selection.values["accuracy"]
        else ()
    )
    lengths = _mean_lengths(found.length)
    order = np.lexsort((np.array(prompt_ids), share))
    return {
        "never": int((right == 0).sum()),
        "always": int((right == found.sizes).sum()),
        "histogram": [
            {"low": float(low), "high": float(high), "prompts": int(count)}
            for low, high, count in zip(edges[:-1], edges[1:], bins, strict=True)
        ],
        "rows": [
            {
                "prompt_id": prompt_ids[place],
                "correct": int(right[place]),
                "samples": int(found.sizes[place]),
                "share": float(share[place]),
                "vote": float(vote.get(int(place), float("nan"))),
                "length": float(lengths[place]),
            }
            for place in order
        ],
    }


def _at_n(group: GroupDecisions, arm: str) -> list[float]:
    place = group.selection.position(group.num_candidates)
    return group.selection.values["accuracy"][arm][place].tolist()


def _mean_lengths(length: np.ndarray) -> np.ndarray:
    known = np.isfinite(length)
    total = np.where(known, length, 0.0).sum(axis=1)
    return np.where(known.any(axis=1), total / np.maximum(known.sum(axis=1), 1), np.nan)
