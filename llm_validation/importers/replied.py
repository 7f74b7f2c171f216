"""What the servers of models reply: chat completions, completions, responses and messages."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from verigap.llm_validation.importers import values
from verigap.llm_validation.importers.records import BadRecord, LeftOut

FAILED = "a request that failed"
NO_CHOICES = "a response without choices"


class Reply(NamedTuple):
    """One reply of a server.

    Attributes:
      text: all that was generated and is shown, the reasoning too.
      final: the part that answers; None where it is all of `text`.
      cut_off: whether it ended at the limit of tokens.
      refused: whether it is a refusal.
      n_tokens: its length, where it is known.
      logprob: of all tokens, where it is known.
    """

    text: str
    final: str | None = None
    cut_off: bool = False
    refused: bool = False
    n_tokens: int | None = None
    logprob: float | None = None


def replies(body: Mapping[str, Any]) -> list[Reply]:
    """The replies in an answer of the OpenAI API, whichever of its three kinds it is.

    Raises:
      LeftOut: the request failed, or was answered with no choices.
      BadRecord: it is none of them.
    """
    if body.get("object") == "response" or ("output" in body and "choices" not in body):
        return [_response(body)]
    choices = values.listing(values.get(body, "choices"), "choices")
    if not choices:
        raise LeftOut(NO_CHOICES)
    return [_choice(values.mapping(choice, "a choice"), body, len(choices)) for choice in choices]


def message(content: Mapping[str, Any]) -> Reply:
    """The reply in a message of Anthropic."""
    thoughts: list[object] = []
    said: list[object] = []
    given = content.get("content") or []
    blocks = [{"type": "text", "text": given}] if isinstance(given, str) else given
    for entry in values.listing(blocks, "content"):
        block = values.mapping(entry, "a block")
        if block.get("type") == "thinking":
            thoughts.append(block.get("thinking"))
        elif block.get("type") == "text":
            said.append(block.get("text"))
    stop, usage = content.get("stop_reason"), content.get("usage")
    tokens = usage.get("output_tokens") if isinstance(usage, dict) else None
    return Reply(
        values.joined([*thoughts, *said]),
        values.joined(said),
        cut_off=stop in ("max_tokens", "model_context_window_exceeded"),
        refused=stop == "refusal",
        n_tokens=values.count(tokens, "usage.output_tokens"),
    )


def _response(body: Mapping[str, Any]) -> Reply:
    """The one reply of /v1/responses."""
    if body.get("error") or body.get("status") in ("failed", "cancelled"):
        raise LeftOut(FAILED)
    thoughts: list[object] = []
    said: list[object] = []
    refused = False
    for entry in values.listing(values.get(body, "output"), "output"):
        item = values.mapping(entry, "an item of output")
        if item.get("type") == "reasoning":
            thoughts += [item.get("summary"), item.get("content")]
        elif item.get("type", "message") == "message":
            for block in values.listing(item.get("content") or [], "content"):
                part = values.mapping(block, "a part of a message")
                refused |= part.get("type") == "refusal"
                said.append(part.get("text") or part.get("refusal"))
    why = values.at(body, "incomplete_details.reason")
    usage = body.get("usage")
    tokens = usage.get("output_tokens") if isinstance(usage, dict) else None
    return Reply(
        values.joined([*thoughts, *said]),
        values.joined(said),
        cut_off=why == "max_output_tokens",
        refused=refused or why == "content_filter",
        n_tokens=values.count(tokens, "usage.output_tokens"),
    )


def _choice(choice: Mapping[str, Any], body: Mapping[str, Any], choices: int) -> Reply:
    text, final, refused = _texts(choice)
    tokens, logprob = _logprobs(choice)
    if tokens is None and choices == 1:
        # With several choices the usage is that of all together.
        usage = body.get("usage")
        counted = usage.get("completion_tokens") if isinstance(usage, dict) else None
        tokens = values.count(counted, "usage.completion_tokens")
    finish = choice.get("finish_reason")
    refused = refused or finish == "content_filter"
    return Reply(text, final, finish == "length", refused, tokens, logprob)


def _texts(choice: Mapping[str, Any]) -> tuple[str, str | None, bool]:
    """What was generated, the part that answers, and whether it is a refusal."""
    if "message" not in choice:
        return values.text(values.get(choice, "text") or "", "text of a choice"), None, False
    message = values.mapping(choice["message"], "message")
    # What is billed as completion tokens includes the reasoning, where the server shows it.
    reasoning = message.get("reasoning_content") or message.get("reasoning")
    content, refusal = message.get("content"), message.get("refusal")
    for part in (reasoning, content, refusal):
        _refuse_odd(part)
    said = values.joined([content])
    declined = values.joined([refusal]) or _refusals(content)
    refused = bool(declined) and not said
    final = values.joined([content, declined if refused else None])
    return values.joined([reasoning, final]), final, refused


def _refuse_odd(content: object) -> None:
    """Refuse content that is neither text nor a list of parts, as chats have them."""
    if content is None or isinstance(content, str):
        return
    parts = content if isinstance(content, list) else [None]
    if not all(isinstance(part, dict | str) for part in parts):
        raise BadRecord(f"content of a message is {values.shown(content)}, neither text nor parts")


def _refusals(content: object) -> str:
    """What the parts of a message say that are refusals."""
    parts = content if isinstance(content, list) else []
    return values.joined(part.get("refusal") for part in parts if isinstance(part, dict))


def _logprobs(choice: Mapping[str, Any]) -> tuple[int | None, float | None]:
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
