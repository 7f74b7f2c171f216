"""Completions of Hugging Face's search-and-learn, with the scores of its process reward model."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from verigap.llm_validation.importers import settings, values
from verigap.llm_validation.importers.grading import assess
from verigap.llm_validation.importers.records import (
    BadRecord,
    Format,
    ImportOptions,
    Item,
    Reading,
    Sample,
    parse_anywhere,
)
from verigap.llm_validation.importers.rows import rows

_NAMES = ("unique_id", "id", "problem", "question", "prompt")
FOLDS = {"last": lambda steps: steps[-1], "min": min, "prod": math.prod}


def read(paths: Sequence[Path], options: ImportOptions, reading: Reading) -> Iterator[Item]:
    """The completions of each problem."""
    fold = options.score or "last"
    if fold not in FOLDS:
        raise ValueError(f"score: unknown {fold!r}; use one of {', '.join(FOLDS)}")
    for path in paths:
        yield from parse_anywhere(rows(path, reading), partial(_samples, fold=fold))


def _samples(record: dict[str, Any], fold: str) -> list[Sample]:
    name = next((name for name in _NAMES if record.get(name)), None)
    if name is None:
        raise BadRecord(f"field 'unique_id' is missing, and so are {', '.join(_NAMES[1:])}")
    prompt = values.identifier(record[name], name)
    texts = values.listing(values.get(record, "completions"), "completions")
    scores = values.aligned(record.get("scores"), "scores", len(texts))
    lengths = record.get("completion_tokens")
    # Beam search writes one number, or none, for all beams together.
    lengths = values.aligned(
        lengths if isinstance(lengths, list) and lengths else None, "completion_tokens", len(texts)
    )
    references = values.references(record.get("answer"), "answer")
    drawn = settings.of_row(record)
    samples: list[Sample] = []
    for number, (entry, steps, length) in enumerate(zip(texts, scores, lengths, strict=True)):
        # A beam that was given up is null, and no answer.
        text = values.text("" if entry is None else entry, f"completion {number + 1}")
        samples.append(
            Sample(
                prompt,
                decided_by="final answer against answer" if references else "nothing",
                sample_id=number,
                text=text,
                # -1 stands for unknown.
                n_tokens=None if length == -1 else values.count(length, "completion_tokens"),
                verifier_score=_score(steps, fold),
                settings=drawn,
                **assess(text, references)._asdict(),
            )
        )
    return samples


def _score(steps: Any, fold: str) -> float | None:
    if not isinstance(steps, list):
        return values.real(steps, "scores")
    numbers = [values.real(step, "a step's score") for step in steps]
    known = [number for number in numbers if number is not None]
    if len(known) < len(numbers) or not known:
        return None
    return float(FOLDS[fold](known))


FORMAT = Format(
    read,
    "completions of search-and-learn",
    frozenset({"score"}),
    lambda first: isinstance(first.get("completions"), list) and any(map(first.get, _NAMES)),
)
