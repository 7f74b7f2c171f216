"""Batch files of the OpenAI API and of vLLM's `run-batch`, and responses saved by themselves.

A response file alone will do. With the request files beside it, requests of equal content are one
prompt (servers without `n` are asked the same question many times), and sampling parameters are
known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from verigap.llm_validation.importers import values
from verigap.llm_validation.importers.answer_files import Answers, References
from verigap.llm_validation.importers.grading import assess
from verigap.llm_validation.importers.records import (
    BadRecord,
    Format,
    ImportOptions,
    Item,
    LeftOut,
    Reading,
    Record,
    Sample,
    parse_anywhere,
    parse_each,
)
from verigap.llm_validation.importers.replied import FAILED, Reply, replies
from verigap.llm_validation.importers.rows import rows
from verigap.llm_validation.importers.sources import json_lines
from verigap.storage.digests import json_digest
from verigap.storage.tables import TableError

_PROMPT = ("messages", "prompt", "input")
# What of a request says how its answers were sampled.
_SAMPLING = (
    "temperature", "top_p", "top_k", "min_p", "n", "max_tokens", "max_completion_tokens", "seed",
    "frequency_penalty", "presence_penalty", "repetition_penalty", "reasoning_effort", "stop",
)  # fmt: skip


class _Request(NamedTuple):
    prompt_id: str
    sampling: str | None
    stops: tuple[str, ...] = ()


@dataclass
class _Requests:
    """What the request files say, by custom_id."""

    known: dict[str, _Request] = field(default_factory=dict)
    prompts: dict[bytes, str] = field(default_factory=dict)
    settings: dict[str | None, str | None] = field(default_factory=dict)

    def add(self, record: dict[str, Any]) -> list[Sample]:
        name = _custom_id(record)
        body = values.mapping(values.get(record, "body"), "body")
        prompt = next((body[key] for key in _PROMPT if body.get(key) is not None), None)
        if prompt is None:
            raise BadRecord("the request has neither messages nor prompt")
        if name in self.known:
            raise BadRecord(f"custom_id {values.shown(name)} of an earlier request")
        asked = bytes.fromhex(json_digest([body.get("model"), prompt], 32))
        prompt_id = self.prompts.setdefault(asked, name)
        sampling = values.parameters({key: body.get(key) for key in _SAMPLING})
        # A million requests share a few texts.
        sampling = self.settings.setdefault(sampling, sampling)
        stops = values.stops(body.get("stop"))
        self.known[name] = _Request(prompt_id, sampling, stops)
        return []


def read(paths: Sequence[Path], options: ImportOptions, reading: Reading) -> Iterator[Item]:
    """The choices of every response."""
    answers = Answers(options.answers)
    requests, responses = _Requests(), []
    for path in paths:
        if not _holds_requests(path):
            responses.append(path)
            continue
        yield from parse_each(json_lines([path], reading), requests.add)
    if not responses:
        raise TableError(f"{paths[0]}: holds requests only; give the file of responses as well")
    replied = partial(_replied, requests=requests.known, answers=answers)
    for path in responses:
        # Saved objects may be an array, or one object on many lines.
        yield from parse_anywhere(replied_in(rows(path, reading), replied), samples_of)
    yield from answers.doubts()


def _holds_requests(path: Path) -> bool:
    first = next(iter(rows(path, Reading([path]))), None)
    content = first.content if first is not None else None
    return isinstance(content, dict) and "body" in content and "response" not in content


def _custom_id(record: dict[str, Any]) -> str:
    return values.identifier(values.get(record, "custom_id"), "custom_id")


class Replied(NamedTuple):
    """The replies to a request.

    Attributes:
      prompt_id: of the request.
      replies: what the server said.
      references: right answers, any of which will do; none where nobody knows one.
      answered: whether there are right answers to other requests.
      model: its name.
      sampling: parameters of the request.
      stops: its stop sequences.
    """

    prompt_id: str
    replies: Sequence[Reply]
    references: References
    answered: bool
    model: str = ""
    sampling: str | None = None
    stops: Sequence[str] = ()


def replied_in(
    records: Iterable[Record], replied: Callable[[dict[str, Any]], Replied]
) -> Iterator[Record]:
    """The records as replies, one after the other, as what is asked of answers is counted."""
    for place, content in records:
        found = content
        if not isinstance(content, BadRecord | LeftOut):
            try:
                found = replied(content)
            except (BadRecord, LeftOut) as refusal:
                found = refusal
        yield Record(place, found)


def samples_of(replied: Replied) -> list[Sample]:
    """The samples that replies are, graded against the right answers."""
    return [_sample(replied, reply) for reply in replied.replies]


def _sample(replied: Replied, reply: Reply) -> Sample:
    references = replied.references
    decided_by = "final answer against the answers given" if references else "nothing"
    if not references and replied.answered:
        decided_by = "nothing (no answer given)"
    final = reply.text if reply.final is None else reply.final
    assessment = assess(
        final, references, cut_off=reply.cut_off, refused=reply.refused, stops=replied.stops
    )
    return Sample(
        replied.prompt_id,
        decided_by=decided_by,
        model=replied.model,
        text=reply.text,
        n_tokens=reply.n_tokens,
        logprob=reply.logprob,
        sampling=replied.sampling,
        **assessment._asdict(),
    )


def _replied(record: dict[str, Any], requests: Mapping[str, _Request], answers: Answers) -> Replied:
    saved = record if "object" in record and "custom_id" not in record else None
    # An object saved by itself has no name but the server's.
    name = _custom_id(record) if saved is None else values.identifier(record.get("id"), "id")
    body = _body(record) if saved is None else saved
    request = requests.get(name, _Request(name, None))
    model = body.get("model")
    said = replies(body)
    return Replied(
        request.prompt_id,
        said,
        answers.of(name, request.prompt_id),
        answered=bool(answers),
        model=model if isinstance(model, str) else "",
        sampling=request.sampling,
        stops=request.stops,
    )


def _body(record: dict[str, Any]) -> dict[str, Any]:
    """The answer of the server; old versions of vLLM write it without status and body."""
    if "response" not in record and not record.get("error"):
        what = "a batch of Anthropic, not of OpenAI" if "result" in record else "no response"
        raise BadRecord(f"field 'response' is missing, so this is {what}")
    response = record.get("response")
    if record.get("error") or response is None:
        raise LeftOut(FAILED)
    response = values.mapping(response, "response")
    if "body" not in response and "choices" in response:
        return response
    if response.get("status_code", 200) != 200:
        raise LeftOut(FAILED)
    return values.mapping(values.get(response, "body"), "response.body")


def _holds(first: Mapping[str, Any]) -> bool:
    saved = first.get("object") in ("chat.completion", "text_completion", "response")
    return saved or ("custom_id" in first and bool({"response", "body"} & first.keys()))


FORMAT = Format(
    read,
    "an OpenAI or vLLM batch (responses, requests), or saved responses",
    frozenset({"answers"}),
    _holds,
)
