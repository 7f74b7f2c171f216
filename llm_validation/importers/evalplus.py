"""EvalPlus: `*_eval_results.json`, one object with the solutions of every task."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from verigap.llm_validation.importers import values
from verigap.llm_validation.importers.grading import NO_VERDICT
from verigap.llm_validation.importers.records import (
    Format,
    ImportOptions,
    Parsed,
    Reading,
    Record,
    Sample,
    parse_each,
)
from verigap.llm_validation.importers.rows import whole

_PASS, _FAIL = "pass", ("fail", "timeout")
BASE, PLUS = "base", "plus"


def read(paths: Sequence[Path], options: ImportOptions, reading: Reading) -> Iterator[Parsed]:
    """The solutions; with the extra tests where all of them were run, else with the base tests."""
    contents = {path: values.mapping(whole(path, reading).get("eval"), "eval") for path in paths}
    metric = options.metric
    if metric not in (None, BASE, PLUS):
        raise ValueError(f"metric: the log has no {metric!r}; it has {BASE}, {PLUS}")
    if metric is None:
        metric = PLUS if all(map(_has_plus, contents.values())) else BASE

    def parse(solution: tuple[str, int, dict[str, Any]]) -> list[Sample]:
        return [_sample(*solution, metric)]

    for path, tasks in contents.items():
        records = (
            Record(f"{path}, {task}, solution {number + 1}", (task, number, solution))
            for task, solutions in tasks.items()
            for number, solution in enumerate(solutions)
        )
        yield from parse_each(records, parse)


def _has_plus(tasks: Mapping[str, Any]) -> bool:
    return all(
        isinstance(solution, dict) and solution.get("plus_status") is not None
        for solutions in tasks.values()
        for solution in values.listing(solutions, "the solutions of a task")
    )


def _sample(task: str, number: int, solution: object, metric: str) -> Sample:
    content = values.mapping(solution, "a solution")
    base = _passed(content.get("base_status"), "base_status")
    extra = _passed(content.get("plus_status"), "plus_status")
    # As the tool counts: the extra tests are beside the base tests, not in their place.
    verdicts = {BASE: base, PLUS: None if extra is None or base is None else base and extra}
    correct = verdicts[metric]
    return Sample(
        task,
        correct,
        f"tests {metric}",
        sample_id=number,
        text=values.text(content.get("solution") or "", "solution"),
        verdicts=verdicts,
        reason=NO_VERDICT if correct is None else None,
    )


def _passed(status: object, name: str) -> bool | None:
    if status is None or status == _PASS:
        return None if status is None else True
    if status in _FAIL:
        return False
    raise values.UnclearVerdict(name, values.shown(status), False)


FORMAT = Format(
    read,
    "a results file of EvalPlus",
    frozenset({"metric"}),
    lambda first: isinstance(first.get("eval"), dict) and "hash" in first,
)
