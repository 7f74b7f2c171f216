"""Tasks: questions for a language model, and who says whether an answer is right."""

from __future__ import annotations

from verigap.llm_validation.tasks.task import (
    QuestionFile,
    ReasoningGymDataset,
    Task,
    TaskOptions,
    TaskSource,
)

__all__ = ["QuestionFile", "ReasoningGymDataset", "Task", "TaskOptions", "load_task"]


def load_task(
    source: TaskSource, prompts: int, seed: int, options: TaskOptions | None = None
) -> Task:
    """Problems of a source, put as a model will see them.

    Args:
      source: where the problems come from.
      prompts: how many questions.
      seed: the same seed gives the same questions.
      options: how they are put; None for the defaults.

    Raises:
      ValueError: there is no such source, it has too few questions or has no use for an option; one
        line.

    Example:
      >>> import tempfile
      >>> from pathlib import Path
      >>> from verigap.llm_validation.tasks import QuestionFile, TaskOptions, load_task
      >>> with tempfile.TemporaryDirectory() as folder:
      ...     file = Path(folder) / "sums.jsonl"
      ...     _ = file.write_text('{"question": "1 + 1", "answer": 2}')
      ...     task = load_task(QuestionFile(file), prompts=1, seed=0, options=TaskOptions("plain"))
      >>> task.name, task.problems[0].messages[0].content
      ('sums', '1 + 1')
    """
    options = TaskOptions() if options is None else options
    if isinstance(source, QuestionFile):
        from verigap.llm_validation.tasks.jsonl_task import load_jsonl

        return load_jsonl(source.path, prompts, seed, options)
    from verigap.llm_validation.tasks.reasoning_gym_task import load_reasoning_gym

    return load_reasoning_gym(source.name, prompts, seed, options)
