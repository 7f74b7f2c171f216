"""The judge of mathematical answers in a grading process: Math-Verify where texts do not tell."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from verigap.llm_validation.answers import same_answer

JUDGE: Mapping[str, Any] = {"maker": f"{__name__}:math_judge"}
"""What a `GradingPool` has to be told to judge by mathematics."""

# Numbers beyond so many bits are not computed: 9^{9^{9}} has 369,693,100 digits.
_MOST_BITS = 1_000_000
_POWERS = re.compile(r"(?:\d+|[A-Za-z)}])(?:\s*(?:\^|\*\*)[\s{(\-]*\d+)+")
_FACTORIAL = re.compile(r"(\d+)\s*!")
_LARGEST_FACTORIAL = 10_000


def math_judge(_: Mapping[str, Any]) -> Any:
    """A function from a reference (`target`) and an answer to a verdict, true or false.

    What `answers.same_answer` settles is settled; the rest is Math-Verify's, with its tolerance: a
    decimal equals a number that rounds to the same `answers.DECIMALS` decimals, so that 33.3 is not
    100/3 and 33.333333 is. An answer or a reference that is no mathematics is not equal to another
    text. Neither is a power or a factorial that is too large to be computed equal to a number that
    is not, and of two such numbers nothing is said.
    """
    from math_verify import parse, verify  # pyright: ignore[reportMissingImports]

    @lru_cache(maxsize=4096)
    def read(text: str) -> Any:
        # Without its own timeout, which needs the main thread's alarm: ours kills the process.
        plain = text.strip().rstrip(".").strip("$")
        for form in (f"${plain}$", plain):
            # What is declared as int turns the alarm off where it is None.
            found = parse(form, parsing_timeout=None)  # pyright: ignore[reportArgumentType]
            # A text that was found, but not understood, comes back as it is.
            if any(not isinstance(part, str) for part in found):
                return found
        return []

    def judge(reference: Mapping[str, Any], answer: str) -> bool | None:
        target = str(reference["target"])
        settled = same_answer(answer, target)
        if settled is not None:
            return settled
        large = [_too_large(text) for text in (target, answer)]
        if any(large):
            return None if all(large) else False
        gold, found = read(target), read(answer)
        return bool(gold and found) and bool(verify(gold, found, timeout_seconds=None))

    return judge


def _too_large(text: str) -> bool:
    """Whether a text holds a power or a factorial that takes too long to compute."""
    if any(int(number[:9]) > _LARGEST_FACTORIAL for number in _FACTORIAL.findall(text)):
        return True
    return any(_bits(match[0]) > _MOST_BITS for match in _POWERS.finditer(text))


def _bits(powers: str) -> int:
    """The bits of a tower of powers, or more than `_MOST_BITS`."""
    base, *exponents = re.findall(r"\d+|[A-Za-z)}](?=\s*[\^*])", powers)
    # Of a base that is no number, a digit is assumed.
    numbers = [int(base) if base.isdigit() else 10, *map(int, exponents)]
    value = numbers.pop()
    while numbers:
        below = numbers.pop()
        if below > 1 and value * below.bit_length() > _MOST_BITS:
            return _MOST_BITS + 1
        value = below**value
    return value.bit_length()
