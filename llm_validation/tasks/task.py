"""What a task is: problems, the way they are put to a model, and the judge of answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from verigap.storage import digests


@dataclass(frozen=True)
class Message:
    """One turn of a conversation: `role` is system, user or assistant."""

    role: str
    content: str


STYLES: Mapping[str, str] = {
    "plain": "",
    "step-by-step": "Explain step by step.",
    "boxed": r"Think step by step and put the final answer in \boxed{}.",
}


@dataclass(frozen=True)
class TaskOptions:
    """How problems are put.

    Attributes:
      style: a key of `STYLES`, what is asked for after each question; None for the task's own.
      shots: solved examples that precede the question, as turns of the conversation.
      config: parameters of the problems' generator.
    """

    style: str | None = None
    shots: int = 0
    config: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.style is not None and self.style not in STYLES:
            raise ValueError(f"style: unknown {self.style!r}; use one of {', '.join(STYLES)}")
        if self.shots < 0:
            raise ValueError(f"shots: expected 0 or more, not {self.shots}")


@dataclass(frozen=True)
class ReasoningGymDataset:
    """Problems that the package reasoning-gym generates and scores.

    Attributes:
      name: of the dataset there, such as "products".
    """

    name: str


@dataclass(frozen=True)
class QuestionFile:
    """Questions with answers in a JSON Lines file, judged as mathematics.

    Attributes:
      path: of the file: `question` (or `problem`) and `answer` a line, perhaps `id`.
    """

    path: Path


TaskSource = ReasoningGymDataset | QuestionFile


@dataclass(frozen=True)
class Problem:
    """A question as put to a model, and what its judge needs besides the answer."""

    prompt_id: str
    messages: tuple[Message, ...]
    reference: Mapping[str, Any]


@dataclass(frozen=True)
class Task:
    """Problems and their judge.

    Attributes:
      name: the name of the data set in tables.
      problems: the questions.
      judge: what a grading process has to be told to judge answers: `maker`, the function that
        makes the judge ("module:function"), and whatever that wants to know; JSON.
      identity: whatever settles the problems; two tasks of one identity are the same.
      packages: packages whose versions belong into an account of a run.
    """

    name: str
    problems: tuple[Problem, ...]
    judge: Mapping[str, Any]
    identity: Mapping[str, Any]
    packages: tuple[str, ...]


def conversation(
    question: str, style: str, examples: tuple[tuple[str, str], ...]
) -> tuple[Message, ...]:
    """A question behind solved examples, each followed by what the style asks for."""
    wish = STYLES[style]

    def put(text: str) -> str:
        return f"{text.strip()}\n\n{wish}" if wish else text.strip()

    turns: list[Message] = []
    for asked, answer in examples:
        turns += [Message("user", put(asked)), Message("assistant", answer)]
    return (*turns, Message("user", put(question)))


def digest(problems: tuple[Problem, ...]) -> str:
    """Settles the questions, so that another version's other problems are noticed."""

    def parts() -> Iterator[bytes]:
        for problem in problems:
            for message in problem.messages:
                yield f"{message.role}\0{message.content}\0".encode()
            yield b"\1"

    return digests.digest(parts(), 16)
