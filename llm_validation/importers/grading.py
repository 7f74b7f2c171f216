"""Verdicts on responses whose log has none: right, wrong, or not graded, and why."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

from verigap.llm_validation.answers import canonical_answer, same_answer
from verigap.llm_validation.extraction import extract_answer, last_quantity, reply_alone
from verigap.llm_validation.tasks.grading import GradingPool, Question
from verigap.llm_validation.tasks.mathematics import JUDGE

NO_ANSWER, EMPTY = "no answer found", "empty reply"
REFUSAL, CUT_OFF = "refusal", "cut off at the limit, no answer"
CUT_AFTER_ANSWER = "cut off at the limit after an answer"
MISSING = frozenset({NO_ANSWER, EMPTY, REFUSAL, CUT_OFF, CUT_AFTER_ANSWER})
"""Why a response has no answer; it counts as incorrect, or as ungraded if one asks for that."""
NO_REFERENCE = "no reference answer"
NO_VERDICT = "the log has no verdict on it"
NOT_JUDGED = "the grader crashed or took too long"

_SECONDS = 10.0
_WORKERS = 2
# A short reply may be the right answer as it stands, although nothing marks it as an answer.
_SHORT = 200
_ONE_CHOICE = re.compile(r"\s*\(?[A-Za-z]\)?\s*")


class Assessment(NamedTuple):
    """What can be said of a response; its fields are those of a `Sample`.

    Attributes:
      answer: the final answer, or None.
      correct: the verdict; None where there is none (yet).
      reason: why a response is wrong without having answered, or is not graded.
      pending: references of which only Math-Verify can say whether the answer equals one.
    """

    answer: str | None
    correct: bool | None
    reason: str | None = None
    pending: tuple[str, ...] = ()


def assess(
    text: str,
    references: Iterable[object],
    *,
    answer: str | None = None,
    cut_off: bool = False,
    refused: bool = False,
    stops: Iterable[str] = (),
) -> Assessment:
    """Grade one response as far as that takes no algebra.

    Args:
      text: the response.
      references: right answers, any of them will do; what is empty or no text or number is none.
      answer: the final answer, where the log says it; else it is looked for in the text.
      cut_off: whether the response ended at the limit of tokens. It counts as incorrect, also
        where it states an answer before the cut, unless it is one letter: a choice asked for under
        a limit of one token.
      refused: whether the model refused to answer.
      stops: stop sequences of the request.
    """
    targets = _targets(references)
    found = answer or extract_answer(text, stops)
    unfinished = cut_off and not _ONE_CHOICE.fullmatch(text)
    cut_after_answer = unfinished and found is not None
    if refused or unfinished:
        found = None
    if found is None and targets and not (refused or cut_off):
        found = _unmarked(text, targets, stops)
    if not targets:
        return Assessment(found, None, NO_REFERENCE)
    if found is None:
        cut = CUT_AFTER_ANSWER if cut_after_answer else CUT_OFF
        reason = REFUSAL if refused else cut if cut_off else NO_ANSWER
        return Assessment(None, False, reason if text.strip() or reason != NO_ANSWER else EMPTY)
    verdicts = [same_answer(found, target) for target in targets]
    if any(verdicts):
        return Assessment(found, True)
    pending = tuple(t for t, verdict in zip(targets, verdicts, strict=True) if verdict is None)
    return Assessment(found, None if pending else False, None, pending)


def _unmarked(text: str, targets: Sequence[str], stops: Iterable[str]) -> str | None:
    plain = reply_alone(text, stops).strip()
    if len(plain) <= _SHORT and any(same_answer(plain, target) for target in targets):
        return plain
    quantities = any(any(map(str.isdigit, target)) or "\\" in target for target in targets)
    return last_quantity(text, stops) if quantities else None


def _targets(references: Iterable[object]) -> tuple[str, ...]:
    texts = [
        str(reference)
        for reference in references
        if isinstance(reference, str | bool | int | float)
    ]
    return tuple(form for text in texts for form in [_target(text)] if form is not None)


@lru_cache(maxsize=8192)
def _target(text: str) -> str | None:
    """The right answer in a reference, which may be a worked solution."""
    form = extract_answer(text) or text
    return form if canonical_answer(form) is not None else None


class Grader:
    """Settles by Math-Verify what `assess` left pending; a context manager.

    Its processes start with the first question and are killed over one that takes too long.
    """

    def __init__(self, workers: int = _WORKERS) -> None:
        """Nothing starts yet.

        Args:
          workers: processes, at most one a CPU.
        """
        self._pool = GradingPool(JUDGE, min(workers, os.cpu_count() or 1), _SECONDS)

    def __enter__(self) -> Grader:
        return self

    def __exit__(self, *exception: object) -> None:
        self._pool.__exit__(*exception)

    def settle(self, pending: Sequence[tuple[str, tuple[str, ...]]]) -> list[bool | None]:
        """For answers with their references: whether each equals one; None where none could say."""
        questions = [
            Question({"target": target}, answer)
            for answer, targets in pending
            for target in targets
        ]
        verdicts = iter(self._pool.judge(questions))
        settled: list[bool | None] = []
        for _, targets in pending:
            found = [next(verdicts) for _ in targets]
            settled.append(True if any(found) else None if None in found else False)
        return settled
