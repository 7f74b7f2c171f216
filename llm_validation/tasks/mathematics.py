"""The judge of mathematical answers in a grading process: Math-Verify where texts do not tell."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from verigap.llm_validation.answers import same_answer

JUDGE: Mapping[str, Any] = {"maker": f"{__name__}:math_judge"}
"""What a `GradingPool` has to be told to judge by mathematics."""


def math_judge(_: Mapping[str, Any]) -> Any:
    """A function from a reference (`target`) and an answer to a verdict, true or false.

    What `answers.same_answer` settles is settled; the rest is Math-Verify's, with its tolerance: a
    decimal equals a number that rounds to the same `answers.DECIMALS` decimals, so that 33.3 is not
    100/3 and 33.333333 is. An answer or a reference that is no mathematics is not equal to another
    text.
    """
    from math_verify import parse, verify  # pyright: ignore[reportMissingImports]

    @lru_cache(maxsize=4096)
    def read(text: str) -> Any:
        # Without its own timeout, which needs the main thread's alarm: ours kills the process.
        plain = text.strip().strip("$")
        for form in (f"${plain}$", plain):
            # What is declared as int turns the alarm off where it is None.
            found = parse(form, parsing_timeout=None)  # pyright: ignore[reportArgumentType]
            # A text that was found, but not understood, comes back as it is.
            if any(not isinstance(part, str) for part in found):
                return found
        return []

    def judge(reference: Mapping[str, Any], answer: str) -> bool:
        target = str(reference["target"])
        settled = same_answer(answer, target)
        if settled is not None:
            return settled
        gold, found = read(target), read(answer)
        return bool(gold and found) and bool(verify(gold, found, timeout_seconds=None))

    return judge
