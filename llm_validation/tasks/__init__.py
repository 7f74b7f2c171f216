"""Tasks: questions for a language model, and who says whether an answer is right."""

from __future__ import annotations

from verigap.llm_validation.tasks.task import Task, TaskOptions

__all__ = ["Task", "TaskOptions", "load_task"]


def load_task(name: str, prompts: int, seed: int, options: TaskOptions) -> Task:
    """The task of a name: `rg:DATASET` of reasoning-gym, or `jsonl:FILE`.

    Args:
      name: the task.
      prompts: how many questions.
      seed: the same seed gives the same questions.
      options: how they are put.

    Raises:
      ValueError: there is no such task, or it has too few questions; one line.
    """
    kind, colon, rest = name.partition(":")
    if colon and rest and kind == "rg":
        from verigap.llm_validation.tasks.reasoning_gym_task import load_reasoning_gym

        return load_reasoning_gym(rest, prompts, seed, options)
    if colon and rest and kind == "jsonl":
        from verigap.llm_validation.tasks.jsonl_task import load_jsonl

        return load_jsonl(rest, prompts, seed, options)
    raise ValueError(
        f"task: unknown {name!r}; use rg:NAME for a dataset of reasoning-gym (rg:products), or "
        "jsonl:FILE for questions and answers"
    )
