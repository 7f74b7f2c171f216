"""Right answers beside a batch: which match, and several of which any will do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.llm_validation.importing import run, write_lines
from verigap.storage.tables import TableError


def batch(folder: Path, *replies: tuple[str, Any]) -> Path:
    return write_lines(
        folder / "batch.jsonl",
        *(
            {
                "custom_id": name,
                "response": {
                    "status_code": 200,
                    "body": {"choices": [{"message": {"content": said}, "finish_reason": "stop"}]},
                },
            }
            for name, said in replies
        ),
    )


def anthropic(folder: Path, *replies: tuple[str, Any]) -> Path:
    return write_lines(
        folder / "batch.jsonl",
        *(
            {
                "custom_id": name,
                "result": {
                    "type": "succeeded",
                    "message": {"content": [{"type": "text", "text": said}]},
                },
            }
            for name, said in replies
        ),
    )


@pytest.mark.parametrize(
    ("form", "make"), [("openai-batch", batch), ("anthropic-batch", anthropic)]
)
@pytest.mark.parametrize("theirs", ["1", "req-1", "q_1", "Q1"])
def test_answers_that_match_nothing_are_refused(
    tmp_path: Path, form: str, make: Any, theirs: str
) -> None:
    said = make(tmp_path, ("q1", "4"), ("q2", "5"))
    answers = tmp_path / "a.csv"
    answers.write_text(f"custom_id,answer\n{theirs},4\n")
    with pytest.raises(TableError) as refusal:
        run(form, tmp_path, said, answers=answers)
    message = str(refusal.value)
    assert f"it has '{theirs}', the responses have 'q1', 'q2'" in message
    assert not (tmp_path / "out.parquet").exists()


@pytest.mark.parametrize(
    ("form", "make"), [("openai-batch", batch), ("anthropic-batch", anthropic)]
)
def test_answers_that_match_in_part_are_a_note(tmp_path: Path, form: str, make: Any) -> None:
    said = make(tmp_path, ("q1", "4"), ("q2", "5"))
    answers = tmp_path / "a.json"
    answers.write_text('{"q1": 4, "q3": 6}')
    report = run(form, tmp_path, said, answers=answers).report
    assert (report.correct, report.incorrect, report.ungraded) == (1, 0, 1)
    lacking, unused = report.notes
    assert "no answer to 1 responses ('q2'); they are ungraded" in lacking
    assert "1 of 2 answers are to no response ('q3')" in unused


@pytest.mark.parametrize(
    ("reference", "correct"),
    [
        (["4", "four"], True),
        (["5", 4], True),
        ([4.0], True),
        (["5", "6"], False),
        (4, True),
        (["5", None, "4"], True),
    ],
)
def test_any_of_several_answers_will_do(tmp_path: Path, reference: object, correct: bool) -> None:
    answers = tmp_path / "a.json"
    answers.write_text(json.dumps({"q1": reference}))
    said = batch(tmp_path, ("q1", "The answer is 4"))
    assert run("openai-batch", tmp_path, said, answers=answers).column("correct") == [correct]
    line = {"unique_id": "q1", "completions": ["The answer is 4"], "answer": reference}
    path = write_lines(tmp_path / "s.jsonl", line)
    assert run("search-and-learn", tmp_path, path).column("correct") == [correct]
    line = {"prompt_id": "q1", "text": "The answer is 4", "target": reference}
    path = write_lines(tmp_path / "t.jsonl", line)
    assert run("table", tmp_path, path).column("correct") == [correct]
    line = {"samples": ["The answer is 4"], "gt_answer": reference}
    path = write_lines(tmp_path / "m.jsonl", line)
    assert run("monkeys", tmp_path, path).column("correct") == [correct]


@pytest.mark.parametrize("reference", [{"value": 4}, [["4"]], [{"a": 4}]])
def test_what_is_no_answer_is_said(tmp_path: Path, reference: object) -> None:
    line = {"unique_id": "q1", "completions": ["4"], "answer": reference}
    path = write_lines(tmp_path / "s.jsonl", line)
    with pytest.raises(TableError, match=r"line 1: answer holds .*, where a right answer"):
        run("search-and-learn", tmp_path, path)


@pytest.mark.parametrize("none", [None, [], [None], ""])
def test_no_reference_is_ungraded(tmp_path: Path, none: object) -> None:
    line = {"unique_id": "q1", "completions": ["4", None], "answer": none}
    report = run("search-and-learn", tmp_path, write_lines(tmp_path / "s.jsonl", line)).report
    assert report.ungraded_because == {"no reference answer": 2}


@pytest.mark.parametrize("skip", [False, True])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_completion_that_is_null_is_an_empty_reply(
    tmp_path: Path, place: int, skip: bool
) -> None:
    texts: list[str | None] = [r"\boxed{4}", r"\boxed{4}", r"\boxed{5}"]
    texts[place] = None
    wanted = [text == r"\boxed{4}" for text in texts]
    line = {"unique_id": "q1", "answer": "4", "completions": texts}
    path = write_lines(tmp_path / "s.jsonl", line)
    done = run("search-and-learn", tmp_path, path, skip_bad=skip)
    assert done.column("correct") == wanted
    assert done.report.incorrect_because == {"empty reply": 1}
    assert done.report.skipped == 0
    monkey = write_lines(tmp_path / "m.jsonl", {"samples": texts, "gt_answer": "4"})
    assert run("monkeys", tmp_path, monkey, skip_bad=skip).column("correct") == wanted
    repeats = {"doc_id": 0, "resps": [texts], "target": "4"}
    path = write_lines(tmp_path / "l.jsonl", repeats)
    assert run("lm-eval", tmp_path, path, skip_bad=skip).column("correct") == wanted
    said = batch(tmp_path, *((f"q{number}", text) for number, text in enumerate(texts)))
    answers = tmp_path / "a.json"
    answers.write_text(json.dumps({f"q{number}": "4" for number in range(3)}))
    done = run("openai-batch", tmp_path, said, answers=answers, skip_bad=skip)
    assert done.column("correct") == wanted


@pytest.mark.parametrize(
    ("content", "text", "reason"),
    [
        ([{"type": "text", "text": "It is 4"}], "It is 4", None),
        ([{"type": "text", "text": "It is"}, {"type": "text", "text": "4"}], "It is\n4", None),
        (["It is 4"], "It is 4", None),
        ([{"type": "output_text", "text": "It is 4"}], "It is 4", None),
        ([{"type": "refusal", "refusal": "I cannot"}], "I cannot", "refusal"),
        ([], "", "empty reply"),
    ],
)
def test_content_in_parts_is_read(
    tmp_path: Path, content: object, text: str, reason: str | None
) -> None:
    answers = tmp_path / "a.json"
    answers.write_text('{"q1": "4"}')
    done = run("openai-batch", tmp_path, batch(tmp_path, ("q1", content)), answers=answers)
    assert done.rows("text", "correct") == [(text, reason is None)]
    assert done.report.incorrect_because == ({} if reason is None else {reason: 1})


@pytest.mark.parametrize("content", [7, {"text": "4"}, [7]])
def test_content_of_another_kind_is_refused(tmp_path: Path, content: object) -> None:
    with pytest.raises(TableError, match="neither text nor parts"):
        run("openai-batch", tmp_path, batch(tmp_path, ("q1", content)))


def test_samples_left_out_for_their_number_are_not_counted(tmp_path: Path) -> None:
    rows = [
        {"prompt_id": "a", "sample_id": number, "correct": correct, "n_tokens": length}
        for number, correct, length in (
            (0, True, 3), (1, False, 3), (0, False, 3), (1, None, None), (2, 0.0, None),
        )
    ]  # fmt: skip
    done = run("table", tmp_path, write_lines(tmp_path / "t.jsonl", *rows), skip_bad=True)
    report = done.report
    assert (report.samples, report.skipped, report.unknown_lengths) == (3, 2, 1)
    assert report.decided_by == {"correct": 3}
    assert (report.correct, report.incorrect, report.ungraded) == (1, 2, 0)
    assert report.ungraded_because == {}
    assert done.column("correct") == [True, False, False]


def test_scores_left_out_for_their_number_are_not_counted(tmp_path: Path) -> None:
    rows = [
        {"prompt_id": "a", "sample_id": number, "correct": score}
        for number, score in ((0, 0.2), (1, 0.8), (0, 0.5))
    ]
    path = write_lines(tmp_path / "t.jsonl", *rows)
    report = run("table", tmp_path, path, skip_bad=True, correct_above=0.4).report
    assert report.correct_above == {"0.2": 0.5}
