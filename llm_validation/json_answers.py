"""The answer in a JSON object that a response is, or ends with."""

from __future__ import annotations

import ast
import json
import re
from typing import Any

_KEYS = frozenset({"answer", "finalanswer", "correctanswer"})
_FENCE = re.compile(r"\s*```\s*$")
# A backslash of LaTeX that is not escaped, as JSON wants it: "\frac", "\(".
_BACKSLASH = re.compile(r"(?<!\\)\\(?!u[0-9a-fA-F]{4})(?=[A-Za-z]{2}|[^\\'\"/bfnrt])")
_OBJECT = re.compile(r"\{\s*(?P<quote>['\"])")
# Objects that are tried, from the last brace on, and their length.
_MOST_BRACES, _LONGEST = 32, 20_000


def json_answer(text: str) -> str | None:
    r"""What stands under "answer" or "final_answer" in a JSON object at the end of a text.

    Case, spaces, dashes and underscores of the key do not matter; the object may be fenced in a
    Markdown block or be written as Python writes a dictionary. A list with one entry is that entry.

    Returns:
      None where the text does not end with such an object.

    Example:
      >>> json_answer('Let me see.\n{"reason": "as A is odd", "answer": "B"}')
      'B'
    """
    end = text.rstrip()
    if not end.endswith(("}", "```")) or "nswer" not in end.lower():
        return None
    end = _FENCE.sub("", end).rstrip()
    if not end.endswith("}"):
        return None
    start = len(end)
    for _ in range(_MOST_BRACES):
        start = end.rfind("{", 0, start)
        if start < 0 or len(end) - start > _LONGEST:
            return None
        content = _object(end[start:])
        if content is not None:
            return _answer(content)
    return None


def _object(text: str) -> dict[Any, Any] | None:
    start = _OBJECT.match(text)
    if start is None:
        return None
    read = _json if start["quote"] == '"' else ast.literal_eval
    try:
        content = read(_BACKSLASH.sub(r"\\\\", text))
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def _json(text: str) -> object:
    # Numbers stay as they are written.
    return json.loads(text, parse_int=str, parse_float=str, strict=False)


def _answer(content: dict[Any, Any]) -> str | None:
    for key, value in content.items():
        if isinstance(key, str) and re.sub(r"[\s_-]", "", key).lower() in _KEYS:
            single = value[0] if isinstance(value, list) and len(value) == 1 else value
            if isinstance(single, bool):
                return str(single).lower()
            if isinstance(single, list):
                return ", ".join(map(str, single))
            return None if single is None or isinstance(single, dict) else str(single)
    return None
