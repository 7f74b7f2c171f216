"""Values out of foreign JSON, each with its type checked."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from verigap.llm_validation.flag_words import FALSE, TRUE, UNKNOWN
from verigap.llm_validation.importers.records import BadRecord, UnclearVerdict

_NAN = "nan"
_LARGEST = 2**53


def shown(value: object) -> str:
    """A value for an error message: short, on one line, without control characters."""
    # Never all of it: a list may be huge, or refer to itself.
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else f"a list of {len(value)}"
    text = ascii(value[:60] if isinstance(value, str) else value)
    return text if len(text) <= 60 else text[:57] + "..."


def get(record: Mapping[str, Any], name: str) -> Any:
    """A field that must be there."""
    if name not in record:
        raise BadRecord(f"field {name!r} is missing")
    return record[name]


def text(value: object, name: str) -> str:
    """A text."""
    if not isinstance(value, str):
        raise BadRecord(f"{name} is {shown(value)}, not text")
    return value


def at(record: Mapping[str, Any], path: str) -> Any:
    """A field, or the field of a field where `path` has dots; None where there is none.

    A name that has dots itself, as metrics do, goes before a path.
    """
    if path in record:
        return record[path]
    head, dot, rest = path.partition(".")
    while dot:
        inner = record.get(head)
        if isinstance(inner, dict):
            return at(inner, rest)
        more, dot, rest = rest.partition(".")
        head = f"{head}.{more}"
    return None


def reply(value: object, name: str) -> str:
    """The text of a reply: a text, or the messages of a chat, of which the assistant's count."""
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, dict):
        value = [value]
    if not isinstance(value, list) or not all(isinstance(m, dict | str) for m in value):
        raise BadRecord(f"{name} is {shown(value)}, neither text nor messages")
    messages = [entry if isinstance(entry, dict) else {"content": entry} for entry in value]
    said = [message for message in messages if message.get("role") == "assistant"]
    return joined(message.get("content") for message in said or messages)


def conversation(value: object, name: str) -> str:
    """What a prompt says: a text, or all messages of a chat."""
    if isinstance(value, list) and value and all(isinstance(entry, dict) for entry in value):
        return joined(message.get("content") for message in value)
    return identifier(value, name)


def joined(parts: Iterable[object]) -> str:
    """Contents of messages, each a text or a list of parts with a text, on lines of their own."""
    texts: list[str] = []
    for part in parts:
        if isinstance(part, list):
            texts.append(joined(p.get("text") if isinstance(p, dict) else p for p in part))
        elif isinstance(part, str):
            texts.append(part)
    return "\n".join(filter(None, texts))


def identifier(value: object, name: str) -> str:
    """A text or a whole number, as text; 7.0 is the number 7, as tools write it beside a null."""
    if isinstance(value, float) and value.is_integer() and abs(value) <= _LARGEST:
        return str(int(value))
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str) or not value.strip():
        raise BadRecord(f"{name} is {shown(value)}, not a name or a whole number")
    return value


def mapping(value: object, name: str) -> dict[str, Any]:
    """A JSON object."""
    if not isinstance(value, dict):
        raise BadRecord(f"{name} is {shown(value)}, not an object")
    return value


def listing(value: object, name: str) -> list[Any]:
    """A JSON array."""
    if not isinstance(value, list):
        raise BadRecord(f"{name} is {shown(value)}, not a list")
    return value


def aligned(value: object, name: str, length: int) -> list[Any]:
    """An array with one entry a sample; where there is none, as many nulls."""
    if value is None:
        return [None] * length
    entries = listing(value, name)
    if len(entries) != length:
        raise BadRecord(f"{name} has {len(entries)} entries for {length} samples")
    return entries


def count(value: object, name: str) -> int | None:
    """A whole number from 0, or None."""
    number = real(value, name)
    if number is None:
        return None
    if number < 0:
        raise BadRecord(f"{name} is {shown(value)}; a length or number cannot be negative")
    if number != math.floor(number) or number > _LARGEST:
        raise BadRecord(f"{name} is {shown(value)}, not a whole number")
    return int(number)


def real(value: object, name: str) -> float | None:
    """A finite number, or None where there is none."""
    if value is None:
        return None
    value = _plain_number(value)
    if isinstance(value, str):
        word = value.strip().lower()
        if word in UNKNOWN and word != _NAN:
            return None
        try:
            value = float(value)
        except ValueError:
            raise BadRecord(f"{name} is {shown(value)}, not a number") from None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadRecord(f"{name} is {shown(value)}, not a number")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        # It may stand for a number that is missing, or for a mistake in a computation.
        remedy = "leave it empty (null) where it is unknown" if math.isnan(number) else None
        raise BadRecord(f"{name} is {shown(value)}, not a finite number", remedy)
    return number


def flag(value: object, name: str) -> bool | None:
    """True, false or null, also as the texts and the numbers 0 and 1 that stand for them."""
    if value is None or isinstance(value, bool):
        return value
    value = _plain_number(value)
    word = str(value).strip().lower() if isinstance(value, str | int | float) else "?"
    if word in TRUE:
        return True
    if word in FALSE:
        return False
    if word in UNKNOWN:
        return None
    raise BadRecord(f"{name} is {shown(value)}, neither true, false nor null")


def verdict(value: object, name: str, above: float | None = None) -> bool | None:
    """Whether a score says correct: 0 or 1, a text for it, or any number where `above` is given.

    Raises:
      UnclearVerdict: a number that is neither 0 nor 1, without `above`, or another value.
    """
    if value is None or isinstance(value, bool):
        return value
    value = _plain_number(value)
    number = score(value)
    if number is not None and above is not None:
        return number > above
    if number is not None and number not in (0, 1):
        raise UnclearVerdict(name, f"{number:g}", True)
    if number is not None:
        return number == 1
    try:
        return flag(value, name)
    except BadRecord:
        raise UnclearVerdict(name, shown(value), False) from None


def _plain_number(value: object) -> object:
    """A decimal of a Parquet file as a float, and anything else as it is."""
    return float(value) if isinstance(value, Decimal) else value


def score(value: object) -> float | None:
    """A finite number, also one written as a text; None for anything else."""
    value = _plain_number(value)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def stated(value: object) -> float | None:
    """An accuracy as a harness states it, a finite number; None for anything else."""
    return None if isinstance(value, str) else score(value)


def references(value: object, name: str) -> tuple[object, ...]:
    """Right answers, any of which will do: a text or number, a list of them, or none.

    Raises:
      BadRecord: something else is there, or in the list.
    """
    if value is None or value != value:
        return ()
    entries = value if isinstance(value, list | tuple) else [value]
    for entry in entries:
        if entry is not None and not isinstance(entry, str | bool | int | float):
            what = f"{name} holds {shown(entry)}"
            raise BadRecord(f"{what}, where a right answer (text or number) was expected")
    return tuple(entry for entry in entries if entry is not None)


def stops(value: object) -> tuple[str, ...]:
    """Stop sequences: one text, or a list of them; whatever else is in there is none."""
    entries = value if isinstance(value, list) else [value]
    return tuple(entry for entry in entries if isinstance(entry, str) and entry)


def parameters(settings: Mapping[str, Any]) -> str | None:
    """Sampling parameters as one line of JSON, or None where there are none."""
    known = {name: value for name, value in sorted(settings.items()) if value is not None}
    return json.dumps(known, default=str) if known else None
