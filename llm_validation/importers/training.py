"""Completions that trainers write down: TRL, verl and its DAPO recipe, one reply a row.

Every training step has a policy of its own, so its rows are a group of their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from verigap.llm_validation.importers import values
from verigap.llm_validation.importers.deciding import speaks_of_correctness
from verigap.llm_validation.importers.records import Format, ImportOptions, Item, Reading
from verigap.llm_validation.importers.replies import Columns, decisive, named, read_replies

_TRL_OTHERS = {"step", "advantage", "advantages"}


def _step(row: Mapping[str, Any]) -> str:
    step = values.count(row.get("step"), "step")
    return "" if step is None else f"step {step}"


def _rewards(row: Mapping[str, Any]) -> Mapping[str, object]:
    """Every column with a number: reward functions may have any name.

    Whole numbers, as JSON may have them, are counts unless the name says otherwise.
    """
    return {
        name: None if value != value else value
        for name, value in row.items()
        if name not in _TRL_OTHERS
        and (
            isinstance(value, float)
            or (isinstance(value, int) and ("reward" in name or speaks_of_correctness(name)))
        )
    }


VERL_COLUMNS = Columns(
    prompt=("input",),
    text=("output",),
    scores=named("acc", "score"),
    order=("acc", "score"),
    target=("gts", "ground_truth"),
    answer=("pred",),
    variant=_step,
)
TRL_COLUMNS = Columns(
    prompt=("prompt",), text=("completion",), scores=_rewards, target=("solution",), variant=_step
)


def read_verl(paths: Sequence[Path], options: ImportOptions, reading: Reading) -> Iterator[Item]:
    """Rollouts of verl."""
    score = decisive(paths, options, VERL_COLUMNS)
    for path in paths:
        yield from read_replies(path, options, reading, VERL_COLUMNS, score)


def read_trl(paths: Sequence[Path], options: ImportOptions, reading: Reading) -> Iterator[Item]:
    """Completions of TRL."""
    score = decisive(paths, options, TRL_COLUMNS)
    for path in paths:
        yield from read_replies(path, options, reading, TRL_COLUMNS, score)


VERL = Format(
    read_verl,
    "a file of verl rollouts (DAPO's too)",
    frozenset({"metric", "correct_above"}),
    lambda first: {"input", "output", "score"} <= first.keys(),
)
TRL = Format(
    read_trl,
    "a file of TRL completions",
    frozenset({"metric", "correct_above"}),
    lambda first: {"prompt", "completion", "step"} <= first.keys(),
)
