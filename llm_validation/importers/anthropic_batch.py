"""Results of Anthropic's message batches, one request a line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from verigap.llm_validation.importers import values
from verigap.llm_validation.importers.answer_files import Answers
from verigap.llm_validation.importers.openai_batch import Replied, replied_in, samples_of
from verigap.llm_validation.importers.records import (
    Format,
    ImportOptions,
    Item,
    LeftOut,
    Reading,
    parse_anywhere,
)
from verigap.llm_validation.importers.replied import FAILED, message
from verigap.llm_validation.importers.sources import json_lines


def read(paths: Sequence[Path], options: ImportOptions, reading: Reading) -> Iterator[Item]:
    """The message of every request that succeeded."""
    answers = Answers(options.answers)
    replied = partial(_replied, answers=answers)
    yield from parse_anywhere(replied_in(json_lines(paths, reading), replied), samples_of)
    yield from answers.doubts()


def _replied(record: dict[str, Any], answers: Answers) -> Replied:
    name = values.identifier(values.get(record, "custom_id"), "custom_id")
    result = values.mapping(values.get(record, "result"), "result")
    if result.get("type") != "succeeded":
        raise LeftOut(FAILED)
    content = values.mapping(values.get(result, "message"), "message")
    model = content.get("model")
    return Replied(
        name,
        [message(content)],
        answers.of(name),
        answered=bool(answers),
        model=model if isinstance(model, str) else "",
    )


FORMAT = Format(
    read,
    "an Anthropic batch",
    frozenset({"answers"}),
    lambda first: "custom_id" in first and isinstance(first.get("result"), dict),
)
