"""Rows that hold all replies to a problem in lists: Qwen2.5-Math, LiveCodeBench, OpenR1."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from verigap.llm_validation.importers import values
from verigap.llm_validation.importers.packing import plain_name
from verigap.llm_validation.importers.records import (
    BadRecord,
    Format,
    ImportOptions,
    Item,
    Parsed,
    Reading,
    Record,
    Stated,
)
from verigap.llm_validation.importers.replies import Columns, decisive, named, read_replies
from verigap.llm_validation.importers.rows import beside, rows

_OPTIONS = frozenset({"metric", "correct_above"})


def _custom(path: Path, reading: Reading) -> Iterator[Record]:
    """Rows, or those in `eval`, by question, of the custom evaluator."""
    for place, content in rows(path, reading):
        questions = content.get("eval") if isinstance(content, dict) else None
        if not isinstance(questions, dict):
            yield Record(place, content)
            continue
        for name, question in questions.items():
            row = (
                {"question_id": name} | question
                if isinstance(question, dict)
                else BadRecord("a question is no object")
            )
            yield Record(f"{place}, {name}", row)


QWEN = Columns(
    prompt=("idx",),
    text=("code",),
    scores=named("score"),
    target=("gt",),
    answer=("pred",),
)
LIVECODEBENCH = Columns(
    prompt=("question_id",),
    text=("output_list", "code_list"),
    scores=named("graded_list"),
    records=_custom,
)
OPENR1 = Columns(
    prompt=("uuid", "problem"),
    text=("generations",),
    scores=named("correctness_math_verify", "correctness_llama"),
    order=("correctness_math_verify", "correctness_llama"),
    target=("answer",),
    finish=("finish_reasons",),
)


def read_qwen(paths: Sequence[Path], options: ImportOptions, reading: Reading) -> Iterator[Item]:
    """The replies of Qwen2.5-Math's evaluation, which states the accuracy of the first ones."""
    score = decisive(paths, options, QWEN)
    for path in paths:
        yield from read_replies(path, options, reading, QWEN, score)
        stem = plain_name(path.name).removesuffix(".jsonl")
        for other in sorted(path.parent.glob("*_metrics.json")):
            value = values.stated(beside(path, other.name).get("acc"))
            if other.name.lower().startswith(stem) and value is not None:
                of = "of the first reply to each problem"
                yield Parsed(str(path), Stated("column score", "acc", value / 100, of))


def read_livecodebench(
    paths: Sequence[Path], options: ImportOptions, reading: Reading
) -> Iterator[Item]:
    """The replies of LiveCodeBench, and its pass@1."""
    score = decisive(paths, options, LIVECODEBENCH)
    for path in paths:
        yield from read_replies(path, options, reading, LIVECODEBENCH, score)
        yield from _pass_at_1(path)


def _pass_at_1(path: Path) -> Iterator[Parsed]:
    name = path.name.replace("_eval_all.json", "_eval.json")
    if not path.with_name(name).is_file():
        return
    first = next(iter(rows(path.with_name(name), Reading([]))), None)
    content = first.content if first is not None and isinstance(first.content, dict) else {}
    value = values.stated(content.get("pass@1"))
    if value is not None and "graded_list" not in content:
        yield Parsed(str(path), Stated("column graded_list", "pass@1", value))


def read_openr1(paths: Sequence[Path], options: ImportOptions, reading: Reading) -> Iterator[Item]:
    """The generations of OpenR1's data sets."""
    score = decisive(paths, options, OPENR1)
    for path in paths:
        yield from read_replies(path, options, reading, OPENR1, score)


QWEN_MATH = Format(
    read_qwen,
    "an output of Qwen2.5-Math's evaluation",
    _OPTIONS,
    lambda first: {"idx", "gt", "code", "score"} <= first.keys(),
)
LIVE_CODE_BENCH = Format(
    read_livecodebench,
    "an evaluation of LiveCodeBench",
    _OPTIONS,
    lambda first: (
        "graded_list" in first
        or (isinstance(first.get("eval"), dict) and "pass@1" in first and "hash" not in first)
    ),
)
OPEN_R1 = Format(
    read_openr1,
    "a data set with the columns of OpenR1",
    _OPTIONS,
    lambda first: {"generations", "correctness_math_verify"} <= first.keys(),
)
