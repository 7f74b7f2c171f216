r"""Where a text asserts an answer.

A number counts as asserted after "answer is", "equals", "=" or "is", unless a formula goes on from
it ("= 3 * 4" asserts nothing yet); so do the content of `\boxed{}` and of `<answer>` tags, a line
after "####", and what follows "answer is" or "answer:" on its line. A text that asserts nothing in
any of these ways asserts its first line, as a model does that was shown bare answers.

Intermediate results are asserted like final ones, and may be right by luck.
"""

from __future__ import annotations

import re
from typing import NamedTuple


class Assertion(NamedTuple):
    """An answer that a text asserts, and the number of characters up to its end."""

    answer: str
    end: int


_DIGITS = r"(?>\d{1,3}(?:,\d{3})+(?!\d)|\d+)"
_NUMBER = rf"[-+\u2212]?\s?(?>{_DIGITS}(?:\.\d+)?|\.\d+)(?:\s?/\s?\d+)?"
_GOES_ON = r"\d|[.,]\d|\s*(?:[-+*/^\u2212×÷·]|x(?=\s*\d)|\\times|\\cdot|\\div)\s*[(\[$]*\s*[\d.]"
_ASSERTED = re.compile(
    r"(?:\banswer(?:\s+is)?\s*:?|\bequals?(?:\s+to)?|=|\bis)\s*:?\s*(?:\*\*|\\\[|\\\(|\$)?\s*"
    rf"(?P<answer>{_NUMBER})(?!{_GOES_ON})",
    re.IGNORECASE,
)
_LINES = (
    re.compile(r"^[ \t]*####[ \t]*(?P<answer>\S[^\n]*)", re.MULTILINE),
    re.compile(
        r"\b(?:final\s+)?answer(?:\s+is\s*:?|\s*:)\s*(?:\*\*)?[ \t]*(?P<answer>[^\s*][^\n]*)",
        re.IGNORECASE,
    ),
)
_TAGGED = re.compile(r"<answer>\s*(?P<answer>.*?)\s*</answer>", re.DOTALL | re.IGNORECASE)
_BOXES = re.compile(r"\\f?box(?:ed)?\{")
# What may still turn into another number when the text goes on.
_UNDECIDED = re.compile(r"[\s.,/]*")


def assertions(text: str, finished: bool) -> list[Assertion]:
    """Every answer that a text asserts, in order of where it ends.

    Args:
      text: what a model wrote.
      finished: the model ended by itself; else an answer at the very end counts as cut off.
    """
    found: list[Assertion] = []
    spans: list[tuple[int, int]] = []
    for match in _ASSERTED.finditer(text):
        end = match.end("answer")
        spans.append((match.start("answer"), end))
        if finished or not _UNDECIDED.fullmatch(text, end):
            found.append(Assertion(match["answer"].strip(), end))
    for match in _BOXES.finditer(text):
        end = _closing(text, match.end())
        if end is None:
            continue
        spans.append((match.start(), end))
        inside = text[match.end() : end - 1].strip()
        if inside:
            found.append(Assertion(inside, end))
    for match in _TAGGED.finditer(text):
        spans.append(match.span())
        if match["answer"]:
            found.append(Assertion(match["answer"], match.end("answer")))
    for pattern in _LINES:
        for match in pattern.finditer(text):
            start, end = match.span("answer")
            # A number or a box inside says it more exactly.
            if any(start <= first < end for first, _ in spans):
                continue
            if not finished and end == len(text):
                continue
            answer = match["answer"].rstrip(" \t.*")
            if answer:
                found.append(Assertion(answer, start + len(answer)))
    if not found and not spans:
        found = _first_line(text, finished)
    return sorted(found, key=lambda assertion: assertion.end)


def leading_answer(text: str) -> str | None:
    """The answer that a text begins with: what follows "the final answer is" when forced."""
    asserted = assertions(text, finished=True)
    stripped = text.lstrip(" \t\n:*$")
    number = re.match(rf"(?P<answer>{_NUMBER})(?!{_GOES_ON})", stripped)
    if number is not None:
        return number["answer"].strip()
    if asserted:
        return asserted[0].answer
    return None


def _first_line(text: str, finished: bool) -> list[Assertion]:
    start = len(text) - len(text.lstrip())
    line, newline, _ = text[start:].partition("\n")
    answer = line.rstrip(" \t.")
    if not answer or not (newline or finished):
        return []
    return [Assertion(answer, start + len(answer))]


def _closing(text: str, start: int) -> int | None:
    depth = 1
    for end in range(start, len(text)):
        depth += (text[end] == "{") - (text[end] == "}")
        if depth == 0:
            return end + 1
    return None
