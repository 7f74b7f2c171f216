"""Results of Anthropic's message batches, one request a line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from verigap.llm_validation.importers import values
from verigap.llm_validation.importers.answer_files import Answers
from verigap.llm_validation.importers.openai_batch import sample_of
from verigap.llm_validation.importers.records import (
    Format,
    ImportOptions,
    LeftOut,
    Parsed,
    Reading,
    Sample,
    parse_each,
)
from verigap.llm_validation.importers.replied import FAILED, message
from verigap.llm_validation.importers.sources import json_lines


def read(paths: Sequence[Path], options: ImportOptions, reading: Reading) -> Iterator[Parsed]:
    """The message of every request that succeeded."""
    answers = Answers(options.answers)
    yield from parse_each(json_lines(paths, reading), partial(_samples, answers=answers))
    yield from answers.doubts()


def _samples(record: dict[str, Any], answers: Answers) -> list[Sample]:
    name = values.identifier(values.get(record, "custom_id"), "custom_id")
    result = values.mapping(values.get(record, "result"), "result")
    if result.get("type") != "succeeded":
        raise LeftOut(FAILED)
    content = values.mapping(values.get(result, "message"), "message")
    model = content.get("model")
    return [
        sample_of(
            message(content),
            name,
            answers.of(name),
            answered=bool(answers),
            model=model if isinstance(model, str) else "",
        )
    ]


FORMAT = Format(
    read,
    "an Anthropic batch",
    frozenset({"answers"}),
    lambda first: "custom_id" in first and isinstance(first.get("result"), dict),
)
