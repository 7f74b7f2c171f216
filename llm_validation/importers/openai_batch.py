"""Batch files of the OpenAI API and of vLLM's `run-batch`: requests and responses, one a line.

A response file alone will do. With the request files beside it, requests of equal content are one
prompt (servers without `n` are asked the same question many times), and sampling parameters are
known.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from verigap.llm_validation.importers import values
from verigap.llm_validation.importers.grading import assess
from verigap.llm_validation.importers.records import (
    BadRecord,
    Format,
    ImportOptions,
    LeftOut,
    Parsed,
    Reading,
    Sample,
    parse_each,
)
from verigap.llm_validation.importers.sources import (
    csv_rows,
    document,
    json_lines,
    json_object,
)
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
        self.known[name] = _Request(prompt_id, sampling, values.stops(body.get("stop")))
        return []


def read(paths: Sequence[Path], options: ImportOptions, reading: Reading) -> Iterator[Parsed]:
    """The choices of every response."""
    answers = _answers(options.answers) if options.answers else {}
    requests, responses = _Requests(), []
    for path in paths:
        if not _holds_requests(path):
            responses.append(path)
            continue
        yield from parse_each(json_lines([path], reading), requests.add)
    if not responses:
        raise TableError(f"{paths[0]}: holds requests only; give the file of responses as well")
    parse = partial(_samples, requests=requests.known, answers=answers)
    yield from parse_each(json_lines(responses, reading), parse)


def _holds_requests(path: Path) -> bool:
    first = next(iter(json_lines([path], Reading([path]))), None)
    content = first.content if first is not None else None
    return isinstance(content, dict) and "body" in content and "response" not in content


def _custom_id(record: dict[str, Any]) -> str:
    return values.identifier(values.get(record, "custom_id"), "custom_id")


def _samples(
    record: dict[str, Any], requests: Mapping[str, _Request], answers: Mapping[str, str]
) -> list[Sample]:
    name = _custom_id(record)
    body = _body(record)
    request = requests.get(name, _Request(name, None))
    choices = values.listing(values.get(body, "choices"), "choices")
    model = body.get("model")
    target = answers.get(name, answers.get(request.prompt_id))
    decided_by = "final answer against --answers" if target is not None else "nothing"
    if target is None and answers:
        decided_by = "nothing (no answer given)"
    samples: list[Sample] = []
    for entry in choices:
        choice = values.mapping(entry, "a choice")
        text, refused = _text(choice)
        assessment = assess(
            text,
            [target],
            cut_off=choice.get("finish_reason") == "length",
            refused=refused or choice.get("finish_reason") == "content_filter",
            stops=request.stops,
        )
        tokens, logprob = _logprobs(choice)
        if tokens is None and len(choices) == 1:
            # With several choices the usage is that of all together.
            usage = body.get("usage")
            counted = usage.get("completion_tokens") if isinstance(usage, dict) else None
            tokens = values.count(counted, "usage.completion_tokens")
        samples.append(
            Sample(
                request.prompt_id,
                decided_by=decided_by,
                model=model if isinstance(model, str) else "",
                text=text,
                n_tokens=tokens,
                logprob=logprob,
                sampling=request.sampling,
                **assessment._asdict(),
            )
        )
    return samples


def _body(record: dict[str, Any]) -> dict[str, Any]:
    """The answer of the server; old versions of vLLM write it without status and body."""
    if "response" not in record and not record.get("error"):
        raise BadRecord(f"field 'response' is missing, so this is {_what(record)}")
    response = record.get("response")
    if record.get("error") or response is None:
        raise LeftOut("a request that failed")
    response = values.mapping(response, "response")
    if "body" not in response and "choices" in response:
        return response
    if response.get("status_code", 200) != 200:
        raise LeftOut("a request that failed")
    return values.mapping(values.get(response, "body"), "response.body")


def _what(record: dict[str, Any]) -> str:
    result = record.get("result")
    if isinstance(result, dict) and "type" in result:
        return "a batch of Anthropic, not of OpenAI"
    return "no response of an OpenAI batch"


def _text(choice: dict[str, Any]) -> tuple[str, bool]:
    """What was replied, and whether it is a refusal."""
    if "message" not in choice:
        return values.text(values.get(choice, "text"), "text of a choice"), False
    message = values.mapping(choice["message"], "message")
    # What is billed as completion tokens includes the reasoning, where the server shows it.
    parts = [message.get("reasoning_content") or message.get("reasoning"), message.get("content")]
    refusal = message.get("refusal") if not message.get("content") else None
    texts = [values.text(part, "content of a message") for part in (*parts, refusal) if part]
    return "\n".join(texts), bool(refusal)


def _logprobs(choice: dict[str, Any]) -> tuple[int | None, float | None]:
    """Number of tokens and the log-probability of all of them, where they were asked for."""
    logged = choice.get("logprobs")
    if not isinstance(logged, dict):
        return None, None
    if isinstance(logged.get("content"), list):
        tokens = [values.mapping(token, "logprobs.content") for token in logged["content"]]
        numbers = [token.get("logprob") for token in tokens]
    elif isinstance(logged.get("token_logprobs"), list):
        numbers = logged["token_logprobs"]
    else:
        return None, None
    # A server that masks tokens logs one that is not finite, which says nothing of the rest.
    known = [
        None
        if isinstance(number, float) and not math.isfinite(number)
        else values.real(number, "a token's logprob")
        for number in numbers
    ]
    total = 0.0
    for number in known:
        if number is None:
            return len(known), None
        total += number
    return len(known), total if known else None


def _answers(path: Path) -> dict[str, str]:
    """Right answers by custom_id from a CSV or JSONL file, or one JSON object of them."""
    found: dict[str, str] = {}
    reading = Reading([])
    suffix = path.name.lower().removesuffix(".gz").rpartition(".")[2]
    if suffix == "json":
        data = document(path, reading)
        content = data if isinstance(data, BadRecord) else json_object(data)
        if isinstance(content, BadRecord):
            raise TableError(f"{path}: {content}; give an object of answers by custom_id")
        rows = iter([(str(path), {"custom_id": key, "answer": content[key]}) for key in content])
    else:
        rows = csv_rows(path, reading) if suffix == "csv" else json_lines([path], reading)
    for place, row in rows:
        try:
            if isinstance(row, BadRecord):
                raise row
            name = _custom_id(row)
            answer = values.identifier(
                row["answer"] if "answer" in row else values.get(row, "target"), "answer"
            )
            if found.setdefault(name, answer) != answer:
                raise BadRecord(f"custom_id {values.shown(name)} has two answers")
        except BadRecord as problem:
            what = f"{place}: {problem}; each line needs a custom_id and an answer (text)"
            raise TableError(what) from None
    return found


FORMAT = Format(read, "OpenAI or vLLM batch JSONL (responses, requests)", frozenset({"answers"}))
