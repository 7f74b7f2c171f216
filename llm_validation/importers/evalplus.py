"""EvalPlus: `*_eval_results.json`, one object with the solutions of every task."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from verigap.llm_validation.importers import values
from verigap.llm_validation.importers.grading import NO_VERDICT
from verigap.llm_validation.importers.records import (
    BadRecord,
    Format,
    ImportOptions,
    Parsed,
    Reading,
    Record,
    Sample,
    Stated,
    parse_each,
)
from verigap.llm_validation.importers.rows import whole
from verigap.storage.tables import TableError

_PASS, _FAIL = "pass", ("fail", "timeout")
BASE, PLUS = "base", "plus"


def read(paths: Sequence[Path], options: ImportOptions, reading: Reading) -> Iterator[Parsed]:
    """The solutions; with the extra tests where all of them were run, else with the base tests."""
    files, contents = dict[Path, dict[str, Any]](), dict[Path, dict[str, list[Any]]]()
    for path in paths:
        files[path] = whole(path, reading)
        contents[path] = _tasks(path, files[path])
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
        yield from _stated(path, metric, files[path], tasks)


def _tasks(path: Path, file: Mapping[str, Any]) -> dict[str, list[Any]]:
    """The solutions of each task, also as versions before 0.2 lay them out."""
    found: dict[str, list[Any]] = {}
    for task, solutions in values.mapping(file.get("eval"), "eval").items():
        try:
            found[task] = _old(solutions) if isinstance(solutions, dict) else solutions
            values.listing(found[task], "eval")
        except BadRecord as problem:
            raise TableError(f"{path}, {task}: {problem}; check the file") from None
    return found


def _stated(
    path: Path, metric: str, file: Mapping[str, Any], tasks: Mapping[str, Sequence[Any]]
) -> Iterator[Parsed]:
    """The pass@1 that the tool wrote beside the solutions, where it did: a mean over tasks."""
    tables = file.get("pass_at_k")
    table = tables.get(metric) if isinstance(tables, dict) else None
    value = values.stated(table.get("pass@1")) if isinstance(table, dict) else None
    if value is not None:
        alike = len({len(solutions) for solutions in tasks.values()}) == 1
        of = "" if alike else "of the share of each task's solutions that pass"
        yield Parsed(str(path), Stated(f"tests {metric}", f"pass@1, {metric}", value, of))


def _old(solutions: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Lists of outcomes, each a status and the tests that failed, as one entry a solution."""
    base = values.listing(solutions.get("base"), "base")
    extra = values.aligned(solutions.get("plus") or None, "plus", len(base))
    return [
        {"base_status": _status(one), "plus_status": _status(other)}
        for one, other in zip(base, extra, strict=True)
    ]


def _status(outcome: object) -> object:
    return outcome[0] if isinstance(outcome, list) and outcome else outcome


def _has_plus(tasks: Mapping[str, Sequence[Any]]) -> bool:
    """Whether the extra tests say of every solution whether it is correct."""
    solutions = [each for entries in tasks.values() for each in entries if isinstance(each, dict)]
    known = [each for each in solutions if each.get("plus_status") is not None]
    # What fails the base tests fails them all.
    lacking = [each for each in solutions if each.get("plus_status") is None]
    return bool(known) and all(each.get("base_status") in _FAIL for each in lacking)


def _sample(task: str, number: int, solution: object, metric: str) -> Sample:
    content = values.mapping(solution, "a solution")
    base = _passed(content.get("base_status"), "base_status")
    extra = _passed(content.get("plus_status"), "plus_status")
    # As the tool counts: the extra tests are beside the base tests, not in their place.
    both = None if extra is None or base is None else base and extra
    verdicts = {BASE: base, PLUS: False if base is False else both}
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
