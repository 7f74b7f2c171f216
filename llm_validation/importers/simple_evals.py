"""OpenAI's simple-evals: `*_allresults.json`, conversations beside HTML pages with scores."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from verigap.llm_validation.extraction import extract_answer
from verigap.llm_validation.importers import values
from verigap.llm_validation.importers.records import (
    BadRecord,
    Format,
    ImportOptions,
    Parsed,
    Reading,
    Record,
    Sample,
    Stated,
    parse_each,
)
from verigap.llm_validation.importers.rows import whole

_SCORE = re.compile(r"<p>\s*Score:\s*([^<\s]+)\s*</p>")
_ANSWER = re.compile(r"<p>\s*Extracted Answer:\s*(.*?)\s*</p>", re.DOTALL)


def read(paths: Sequence[Path], options: ImportOptions, reading: Reading) -> Iterator[Parsed]:
    """The replies, each with the score that its page shows."""

    def parse(pair: tuple[Any, Any]) -> list[Sample]:
        return [_sample(*pair, options.correct_above)]

    for path in paths:
        content = whole(path, reading)
        pages = values.listing(content.get("htmls"), "htmls")
        talks = values.aligned(content.get("convos"), "convos", len(pages))
        records = (
            Record(f"{path}, conversation {number}", pair)
            for number, pair in enumerate(zip(talks, pages, strict=True), 1)
        )
        yield from parse_each(records, parse)
        value = values.stated(content.get("score"))
        if value is not None and options.correct_above is None:
            yield Parsed(str(path), Stated("score of its page", "score", value))


def _sample(talk: Any, page: Any, above: float | None) -> Sample:
    messages = values.listing(talk, "a conversation")
    if not messages or not all(isinstance(message, dict) for message in messages):
        raise BadRecord("a conversation without messages")
    # Of the page the score comes last: what a reply says may look like one.
    shown = _SCORE.findall(values.text(page, "a page"))
    if not shown:
        raise BadRecord("the page of a conversation shows no score")
    answered = messages[-1].get("role") == "assistant"
    text = values.reply(messages[-1:], "the reply") if answered else ""
    answer = _ANSWER.findall(page)
    stated = html.unescape(answer[-1]) if answer else ""
    return Sample(
        values.conversation(messages[:-1] if answered else messages, "the prompt"),
        values.verdict(shown[-1], "Score", above),
        "score of its page",
        text=text,
        answer=stated if stated not in ("", "None") else extract_answer(text),
        score=values.score(shown[-1]),
    )


FORMAT = Format(
    read,
    "an _allresults.json of simple-evals",
    frozenset({"correct_above"}),
    lambda first: {"htmls", "convos"} <= first.keys(),
)
