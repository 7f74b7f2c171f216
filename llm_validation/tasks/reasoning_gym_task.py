"""Tasks from reasoning-gym: generated problems with their own scorers."""

from __future__ import annotations

import contextlib
import importlib.util
from collections.abc import Mapping
from typing import Any

from verigap.llm_validation.tasks.task import Problem, Task, TaskOptions, conversation, digest
from verigap.storage.digests import digest_seed


def load_reasoning_gym(name: str, prompts: int, seed: int, options: TaskOptions) -> Task:
    """Problems of one of reasoning-gym's datasets.

    Raises:
      ValueError: the package is missing, or there is no such dataset or configuration.
    """
    if importlib.util.find_spec("reasoning_gym") is None:
        raise ValueError(
            f"task: {name!r} needs reasoning-gym; install it with: pip install 'verigap[llm]'"
        )
    # reasoning-gym counts its seeds on from item to item, so that neighbouring seeds share items.
    dataset = make_dataset(name, prompts, _spread("problems", seed), options.config)
    style = options.style or ("plain" if options.shots else "step-by-step")
    examples: tuple[tuple[str, str], ...] = ()
    if options.shots:
        solved = make_dataset(name, options.shots, _spread("examples", seed), options.config)
        examples = tuple(
            (str(solved[index]["question"]), str(solved[index]["answer"]))
            for index in range(options.shots)
        )
    problems = tuple(
        Problem(
            prompt_id=f"{seed}-{index}",
            messages=conversation(str(dataset[index]["question"]), style, examples),
            reference={"index": index},
        )
        for index in range(prompts)
    )
    return Task(
        name=f"reasoning-gym/{name}",
        problems=problems,
        judge={
            "maker": f"{__name__}:reasoning_gym_judge",
            "name": name,
            "size": prompts,
            "seed": _spread("problems", seed),
            "config": dict(options.config),
        },
        identity={
            "task": f"rg:{name}",
            "style": style,
            "shots": options.shots,
            "task_config": dict(options.config),
            "questions": digest(problems),
        },
        packages=("reasoning-gym",),
    )


def make_dataset(name: str, size: int, seed: int, config: Mapping[str, Any]) -> Any:
    """A dataset of reasoning-gym.

    Raises:
      ValueError: it has none of that name or configuration.
    """
    import reasoning_gym  # pyright: ignore[reportMissingImports]
    from reasoning_gym.factory import DATASETS  # pyright: ignore[reportMissingImports]

    if name not in DATASETS:
        near = [other for other in sorted(DATASETS) if name[:4] in other][:6]
        hint = f"; near: {', '.join(near)}" if near else "; try products"
        raise ValueError(f"task: reasoning-gym has no dataset {name!r}{hint}")
    try:
        return reasoning_gym.create_dataset(name, size=size, seed=seed, **config)
    # A configuration is checked by assertions and by the signature of a dataclass.
    except (AssertionError, TypeError, ValueError) as error:
        why = " ".join(str(error).split())[:160] or type(error).__name__
        raise ValueError(f"task_config: {name!r} does not take it ({why})") from None


def reasoning_gym_judge(spec: Mapping[str, Any]) -> Any:
    """A function from a reference and an answer to a verdict; for a grading process."""
    dataset = make_dataset(spec["name"], spec["size"], spec["seed"], spec["config"])

    def judge(reference: Mapping[str, Any], answer: str) -> bool | None:
        entry = dataset[reference["index"]]
        # A scorer that compares texts knows no separators; one of number formats insists on them.
        plain = answer.replace(",", "").replace("\u2212", "-").replace(" ", "").lstrip("$+")
        verdict: bool | None = None
        for form in dict.fromkeys((answer, plain)):
            with contextlib.suppress(Exception):
                # Less than 1 is credit for trying.
                right = float(dataset.score_answer(answer=form, entry=entry)) >= 1.0
                verdict = bool(verdict) or right
        return verdict

    return judge


def _spread(purpose: str, seed: int) -> int:
    return digest_seed(f"verigap {purpose} {seed}", 32)
