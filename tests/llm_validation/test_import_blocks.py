"""Records that are understood in blocks, as other processes do it, make the table of one by one."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from copy import deepcopy
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from tests.llm_validation.importing import FIXTURES, write_lines
from verigap.llm_validation.importers import FORMATS, blocks, import_traces
from verigap.llm_validation.importers.blocks import Block, Blocks, Readers, finished, samples_in
from verigap.llm_validation.importers.grading import Grader
from verigap.llm_validation.importers.records import (
    BadRecord,
    Format,
    ImportOptions,
    Item,
    LeftOut,
    Parsed,
    Reading,
    UnclearVerdict,
    parse_anywhere,
)
from verigap.llm_validation.importers.sources import json_lines

AHEAD = 3


@dataclass(frozen=True)
class InBlocks:
    """Reads some blocks ahead of the one that is given, whose results are copied."""

    def opened(self) -> nullcontext[Readers]:
        return nullcontext(self)

    def parsed(self, items: Iterator[Item], reading: Reading) -> Iterator[Parsed]:
        read = Blocks(items, reading)
        with Grader(workers=1) as grader:
            yield from read.given(
                (block, deepcopy(finished(block, grader))) for block in ahead(iter(read))
            )


def ahead(read: Iterator[Block]) -> Iterator[Block]:
    held: deque[Block] = deque()
    for block in read:
        held.append(block)
        if len(held) > AHEAD:
            yield held.popleft()
    yield from held


def imported(engine: InBlocks | None, form: Format, files: list[Path], out: Path, **options: Any):
    """What comes of an import: the report and the table, or what is said."""
    out.unlink(missing_ok=True)
    try:
        report = import_traces(form, files, out, ImportOptions(**options), None, engine)
    except ValueError as problem:
        return type(problem), str(problem)
    return report, out.read_bytes()


def assert_the_same(form: str, files: list[Path], folder: Path, **options: Any) -> Any:
    out = folder / "traces.parquet"
    one_by_one = imported(None, FORMATS[form], files, out, **options)
    assert imported(InBlocks(), FORMATS[form], files, out, **options) == one_by_one
    return one_by_one


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "_MOST_RECORDS", 3)


def rows(number: int, **last: object) -> list[dict[str, object]]:
    """Rows of a table whose answers only Math-Verify can judge."""
    made: list[dict[str, object]] = [
        {
            "prompt_id": f"p{i}",
            "sample_id": 0,
            "n_tokens": 8,
            "target": r"\sqrt{2} + x^2",
            "text": rf"\boxed{{x^2 + \sqrt{{{i % 3 + 2}}}}}",
        }
        for i in range(number)
    ]
    made[-1] |= last
    return made


@pytest.mark.parametrize(
    ("form", "names", "options"),
    [
        ("monkeys", ["monkeys.jsonl"], {}),
        ("monkeys", ["problem_7.yaml"], {}),
        ("lm-eval", ["samples_gsm8k_2026-03-04T05-06-07.890123.jsonl"], {}),
        ("lm-eval", ["samples_repeats.jsonl"], {}),
        ("search-and-learn", ["search_and_learn.jsonl"], {"score": "min"}),
        (
            "openai-batch",
            ["batch_requests.jsonl", "batch_responses.jsonl"],
            {"answers": FIXTURES / "batch_answers.csv"},
        ),
    ],
)
def test_fixtures(tmp_path: Path, form: str, names: list[str], options: dict[str, Any]) -> None:
    report, _ = assert_the_same(form, [FIXTURES / name for name in names], tmp_path, **options)
    assert report.samples > 1


def test_answers_are_graded(tmp_path: Path) -> None:
    log = write_lines(tmp_path / "log.jsonl", *rows(20))
    report, _ = assert_the_same("table", [log], tmp_path)
    assert (report.correct, report.incorrect) == (7, 13)
    reading = Reading([log])
    (block,) = Blocks(islice(FORMATS["table"].read([log], ImportOptions(), reading), 3), reading)
    with Grader() as grader:
        done = finished(block, grader)
    samples = [sample for item in done.items for sample in samples_in(item)]
    assert [(sample.correct, sample.pending) for sample in samples] == [
        (True, ()), (False, ()), (False, ()),
    ]  # fmt: skip


@pytest.mark.parametrize("skip_bad", [False, True])
@pytest.mark.parametrize(
    ("content", "says"),
    [
        (rows(11, n_tokens="many"), "b.jsonl, line 11: n_tokens"),
        ([*rows(5), b"{torn"], "b.jsonl, line 6: not valid JSON"),
    ],
)
def test_what_is_wrong_is_said_of_its_place(
    tmp_path: Path, content: list[Any], says: str, skip_bad: bool
) -> None:
    files = [write_lines(tmp_path / "a.jsonl", *({**row, "dataset": "a"} for row in rows(7))),
             write_lines(tmp_path / "b.jsonl", *content),
             tmp_path / "c.csv"]  # fmt: skip
    # It is read before the blocks of the second file are given.
    files[2].write_text("prompt_id,prompt_id\n1,2\n")
    said = assert_the_same("table", files, tmp_path, skip_bad=skip_bad)
    assert (says if not skip_bad else "c.csv: a column name comes twice") in said[1]


def test_an_unclear_verdict_is_told_with_the_values_that_follow(tmp_path: Path) -> None:
    scored = [{"prompt_id": f"p{i}", "correct": value} for i, value in enumerate((1, 0.5, 0, 0.25))]
    log = write_lines(tmp_path / "log.jsonl", *scored)
    _, said = assert_the_same("table", [log], tmp_path)
    assert "line 2: correct is 0.5" in said
    assert "0.25" in said


def test_a_value_of_another_kind_is_said_of_its_file(tmp_path: Path) -> None:
    def read(paths: Sequence[Path], options: ImportOptions, reading: Reading) -> Iterator[Item]:
        return parse_anywhere(json_lines(paths, reading), lambda line: line["none"])

    # What is wrong after it is not reached.
    lines = [{"none": []}, {"another": 1}, b"{torn"]
    files = [write_lines(tmp_path / "a.jsonl", *lines), write_lines(tmp_path / "b.jsonl", *lines)]
    form = Format(read, "lines with nothing")
    said = [imported(engine, form, files, tmp_path / "t.parquet") for engine in (None, InBlocks())]
    assert said[0] == said[1]
    assert f"{files[0]}: holds a value of another kind than lines with nothing" in str(said[0][1])


@pytest.mark.parametrize(
    "refusal",
    [
        BadRecord("what", "remedy"),
        UnclearVerdict("score", "0.5", True, ("other",)),
        LeftOut("a request that failed"),
    ],
)
def test_refusals_travel(refusal: Exception) -> None:
    there = deepcopy(refusal)
    assert there is not refusal
    assert type(there) is type(refusal)
    assert (str(there), vars(there)) == (str(refusal), vars(refusal))


def test_blocks_are_bounded_by_records_characters_and_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks, "_MOST_CHARACTERS", 100)
    long = {"text": ["x" * 60, {"more": "y" * 60}]}
    files = [
        write_lines(tmp_path / "a.jsonl", *[{}] * 4),
        write_lines(tmp_path / "b.jsonl", {}, long, {}, {}),
        write_lines(tmp_path / "c.jsonl", *[{"text": "x" * 60}] * 3),
    ]
    reading = Reading(files)
    read = Blocks(parse_anywhere(json_lines(files, reading), lambda _: []), reading)
    found = [(len(block.items), block.path and block.path.name) for block in read]
    assert found == [
        (3, "a.jsonl"), (1, "a.jsonl"), (2, "b.jsonl"), (2, "b.jsonl"), (2, "c.jsonl"),
        (1, "c.jsonl"),
    ]  # fmt: skip
