"""From which token on a trace is correct.

Both ways are sticky: a trace counts as correct from where it first is, whatever follows. How often
correctness un-happens afterwards is kept beside it, and so is what holds at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from verigap.llm_validation.sampling.engine import Completion, Decoding, Engine, Request
from verigap.llm_validation.tasks.assertions import assertions, leading_answer
from verigap.llm_validation.tasks.grading import GradingPool, Question
from verigap.llm_validation.tasks.task import Problem

FIRST_MENTION, FORCED_ANSWER = "first-mention", "forced-answer"
MODES = (FIRST_MENTION, FORCED_ANSWER)
ANSWER_PROMPT = "\n\nThe final answer is"
FORCED_TOKENS = 12


@dataclass(frozen=True)
class Outcome:
    """What became of one trace.

    Attributes:
      correct: correct at some point; null where nothing verified and something could not be.
      correct_at_end: the last answer is correct.
      first_correct: 1-based index of the token from which on it is correct.
      answer: the last answer.
      unhappened: correct at some point and found incorrect at a later one.
    """

    correct: bool | None
    correct_at_end: bool | None
    first_correct: int | None
    answer: str | None
    unhappened: bool


@dataclass(frozen=True)
class Trace:
    """A completion with what it continues."""

    problem: Problem
    request: Request
    completion: Completion


def first_mentions(traces: Sequence[Trace], engine: Engine, pool: GradingPool) -> list[Outcome]:
    """Correct from the earliest token prefix that holds a verified asserted answer."""
    asserted = [assertions(trace.completion.text, trace.completion.finished) for trace in traces]
    verdicts = _verdicts(
        pool, [(trace.problem, [a.answer for a in found])
               for trace, found in zip(traces, asserted, strict=True)]
    )  # fmt: skip
    outcomes: list[Outcome] = []
    for trace, found, judged in zip(traces, asserted, verdicts, strict=True):
        ends = [
            covering_prefix(trace.completion, answer.end, engine.decode) if verdict else 0
            for answer, verdict in zip(found, judged, strict=True)
        ]
        outcomes.append(_outcome([a.answer for a in found], judged, ends))
    return outcomes


def forced_answers(
    traces: Sequence[Trace],
    engine: Engine,
    pool: GradingPool,
    grid: Sequence[int],
    batch_size: int,
) -> list[Outcome]:
    """Correct from the first prefix, on a grid of lengths, after which a forced answer verifies.

    After each prefix the model is made to answer (`ANSWER_PROMPT`, then the likeliest tokens). The
    end of the trace is always a point of the grid.
    """
    prompt = engine.encode(ANSWER_PROMPT)
    points: list[list[int]] = []
    requests: list[Request] = []
    for trace in traces:
        # The end token ends the turn, so it is left out where something is to follow.
        length = len(trace.completion.tokens) - trace.completion.finished
        points.append([*(point for point in grid if point < length), length])
        requests += [
            Request(trace.request.prompt + trace.completion.tokens[:point] + prompt, 0)
            for point in points[-1]
        ]
    decoding = Decoding(FORCED_TOKENS, temperature=0.0)
    forced: list[str | None] = []
    for start in range(0, len(requests), batch_size):
        batch = requests[start : start + batch_size]
        forced += [leading_answer(done.text) for done in engine.generate(batch, decoding)]
    answers: list[list[str | None]] = []
    for row in points:
        answers.append(forced[: len(row)])
        forced = forced[len(row) :]
    verdicts = _verdicts(
        pool, [(trace.problem, found) for trace, found in zip(traces, answers, strict=True)]
    )
    return [
        _outcome(found, judged, [max(1, point) for point in row])
        for found, judged, row in zip(answers, verdicts, points, strict=True)
    ]


def default_grid(max_tokens: int) -> tuple[int, ...]:
    """Eight prefix lengths, evenly spread up to `max_tokens`."""
    return tuple(sorted({max(1, round(max_tokens * part / 8)) for part in range(1, 9)}))


def covering_prefix(
    completion: Completion, end: int, decode: Callable[[Sequence[int]], str]
) -> int:
    """Tokens of the shortest prefix that decodes to at least the first `end` characters."""
    wanted = completion.text[:end]
    low, high = 1, len(completion.tokens)
    while low < high:
        middle = (low + high) // 2
        if decode(completion.tokens[:middle]).startswith(wanted):
            high = middle
        else:
            low = middle + 1
    return low


def _outcome(
    answers: Sequence[str | None], verdicts: Sequence[bool | None], ends: Sequence[int]
) -> Outcome:
    if not answers:
        return Outcome(False, False, None, None, unhappened=False)
    if True not in verdicts:
        correct = None if None in verdicts else False
        return Outcome(correct, verdicts[-1], None, answers[-1], unhappened=False)
    first = verdicts.index(True)
    return Outcome(
        True, verdicts[-1], ends[first], answers[-1], unhappened=False in verdicts[first:]
    )


def _verdicts(
    pool: GradingPool, asked: Sequence[tuple[Problem, Sequence[str | None]]]
) -> list[list[bool | None]]:
    """Verdicts on the answers to each problem; no answer is a wrong one."""
    questions = [
        Question(problem.reference, answer)
        for problem, answers in asked
        for answer in answers
        if answer is not None
    ]
    judged = iter(pool.judge(questions))
    return [
        [False if answer is None else next(judged) for answer in answers] for _, answers in asked
    ]
