"""Tasks from a file of questions and answers, judged as mathematics."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from verigap.llm_validation.extraction import extract_answer
from verigap.llm_validation.tasks.mathematics import JUDGE
from verigap.llm_validation.tasks.task import Problem, Task, TaskOptions, conversation, digest
from verigap.storage.files import read_regular

_QUESTION, _ANSWER, _ID = (
    ("question", "problem", "prompt"),
    ("answer", "target"),
    ("id", "unique_id"),
)


def load_jsonl(file: Path, prompts: int, seed: int, options: TaskOptions) -> Task:
    """Problems of a JSON Lines file: `question` (or `problem`) and `answer`, perhaps `id`.

    The seed picks which, where the file holds more than `prompts` and the examples need.

    Raises:
      ValueError: the file or a line cannot be used.
    """
    if options.config:
        raise ValueError("task_config: of no use for a file of questions; drop it")
    rows = _rows(file)
    wanted = prompts + options.shots
    if len(rows) < wanted:
        raise ValueError(
            f"{file}: holds {len(rows)} questions, fewer than {prompts} prompts"
            + (f" and {options.shots} examples" if options.shots else "")
            + "; ask for fewer prompts"
        )
    style = options.style or ("plain" if options.shots else "boxed")
    order = random.Random(f"verigap jsonl {seed}").sample(range(len(rows)), wanted)
    examples = tuple(rows[index][1:] for index in order[prompts:])
    problems = tuple(
        Problem(rows[index][0], conversation(rows[index][1], style, examples), {"target": target})
        for index in sorted(order[:prompts])
        for target in [extract_answer(rows[index][2]) or rows[index][2]]
    )
    return Task(
        name=file.stem,
        problems=problems,
        judge=JUDGE,
        identity={
            "task": f"jsonl:{file.name}",
            "style": style,
            "shots": options.shots,
            "task_config": {},
            "questions": digest(problems),
        },
        packages=("math-verify",),
    )


def _rows(path: Path) -> list[tuple[str, str, str]]:
    try:
        lines = read_regular(path).decode().splitlines()
    except FileNotFoundError:
        raise ValueError(f"{path}: no such file; check the task") from None
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "not UTF-8"
        raise ValueError(f"{path}: cannot be read ({why}); check the task") from None
    rows: list[tuple[str, str, str]] = []
    seen: set[str] = set()
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            raise ValueError(f"{path}, line {number}: not valid JSON; mend it") from None
        if not isinstance(row, dict):
            raise ValueError(f"{path}, line {number}: not an object; mend it")
        question, answer = _field(row, _QUESTION), _field(row, _ANSWER)
        if question is None or answer is None:
            raise ValueError(
                f"{path}, line {number}: needs a text 'question' (or 'problem') and an 'answer'"
            )
        name = _field(row, _ID) or str(number)
        if name in seen:
            raise ValueError(f"{path}, line {number}: the id {name!r} comes twice; mend it")
        seen.add(name)
        rows.append((name, question, answer))
    return rows


def _field(row: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    for name in names:
        value = row.get(name)
        if isinstance(value, (str, int, float)) and not isinstance(value, bool):
            return str(value) if str(value).strip() else None
    return None
