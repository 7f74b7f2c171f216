"""Rollouts of the package verifiers: `results.jsonl`, one rollout a line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from verigap.llm_validation.importers import values
from verigap.llm_validation.importers.records import (
    Format,
    ImportOptions,
    Item,
    Parsed,
    Reading,
    Stated,
)
from verigap.llm_validation.importers.replies import Columns, decisive, read_replies
from verigap.llm_validation.importers.rows import beside


def _scores(row: Mapping[str, Any]) -> Mapping[str, object]:
    metrics = row.get("metrics")
    return {"reward": row.get("reward")} | (metrics if isinstance(metrics, dict) else {})


def _model(path: Path) -> str:
    model = beside(path, "metadata.json").get("model")
    return model if isinstance(model, str) else ""


COLUMNS = Columns(
    prompt=("example_id",),
    text=("completion",),
    scores=_scores,
    order=("reward",),
    target=("answer",),
    tokens=("token_usage.final_output_tokens",),
    finish=("is_truncated",),
    model=_model,
)


def read(paths: Sequence[Path], options: ImportOptions, reading: Reading) -> Iterator[Item]:
    """The rollouts, and what metadata.json says of them."""
    score = decisive(paths, options, COLUMNS)
    for path in paths:
        yield from read_replies(path, options, reading, COLUMNS, score)
        facts = beside(path, "metadata.json")
        means = facts.get("avg_metrics")
        means = {"reward": facts.get("avg_reward")} | (means if isinstance(means, dict) else {})
        value = values.stated(means.get(score)) if score else None
        if value is not None and options.correct_above is None:
            yield Parsed(str(path), Stated(f"column {score}", f"mean of {score}", value))


FORMAT = Format(
    read,
    "results of verifiers",
    frozenset({"metric", "correct_above"}),
    lambda first: {"example_id", "completion", "reward"} <= first.keys(),
)
