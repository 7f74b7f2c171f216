"""Generations of NeMo-Skills: a file a seed, `output-rsSEED.jsonl`, one problem a line."""

from __future__ import annotations

import re
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
from verigap.llm_validation.importers.replies import Columns, decisive, named, read_replies
from verigap.llm_validation.importers.rows import beside

_SEED = re.compile(r"-rs(\d+)(?:\D|$)")
_SCORES = ("symbolic_correct", "is_correct", "judge_correct")
_AVERAGE = re.compile(r"pass@1(\[avg-of-\d+\])?")


def _seed(path: Path) -> int | None:
    seed = _SEED.search(path.name)
    return int(seed[1]) if seed else None


def _scores(row: Mapping[str, Any]) -> Mapping[str, object]:
    """The verdicts of a row; a judgement in words counts as the tool reads it."""
    found = dict(named(*_SCORES)(row))
    said = row.get("judgement")
    if "judge_correct" not in found and isinstance(said, str):
        found["judge_correct"] = said.lower().partition("judgement:")[2].strip().startswith("yes")
    return found


COLUMNS = Columns(
    prompt=("problem", "question"),
    text=("generation",),
    scores=_scores,
    order=_SCORES,
    target=("expected_answer",),
    answer=("predicted_answer",),
    tokens=("num_generated_tokens",),
    finish=("finish_reason",),
    sample_id=_seed,
)


def read(paths: Sequence[Path], options: ImportOptions, reading: Reading) -> Iterator[Item]:
    """The generations of every seed."""
    score = decisive(paths, options, COLUMNS)
    for path in paths:
        yield from read_replies(path, options, reading, COLUMNS, score)
    yield from _stated(paths[0], score)


def _stated(path: Path, score: str | None) -> Iterator[Parsed]:
    """The mean over seeds in metrics.json, which is in percent."""
    for name, results in beside(path, "metrics.json").items():
        for key, entry in results.items() if isinstance(results, dict) else ():
            value = values.stated(entry.get(score)) if isinstance(entry, dict) else None
            if _AVERAGE.fullmatch(key) and value is not None:
                stated = Stated(f"column {score}", f"{name} {key} {score}", value / 100, whole=True)
                yield Parsed(str(path), stated)
                return


FORMAT = Format(
    read,
    "an output of NeMo-Skills",
    frozenset({"metric", "correct_above"}),
    lambda first: {"problem", "generation", "expected_answer"} <= first.keys(),
)
