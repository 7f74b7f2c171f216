"""Tasks as the command line, and the tables it writes, spell them: rg:NAME and jsonl:FILE."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from verigap.llm_validation.tasks.task import TaskSource


def parse_task(text: str) -> TaskSource:
    """Where the problems of a task come from.

    Raises:
      ValueError: it is spelled in no known way, in one line.
    """
    from pathlib import Path

    from verigap.llm_validation.tasks import QuestionFile, ReasoningGymDataset

    kind, _, rest = text.partition(":")
    if rest and kind == "rg":
        return ReasoningGymDataset(rest)
    if rest and kind == "jsonl":
        return QuestionFile(Path(rest))
    raise ValueError(
        f"--task: unknown {text!r}; use rg:NAME for a dataset of reasoning-gym (rg:products), or "
        "jsonl:FILE for questions and answers"
    )
