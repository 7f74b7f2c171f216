import json
from pathlib import Path

import pytest

from tests.llm_validation.importing import FIXTURES, run, write_lines
from verigap.storage.tables import TableError


def test_responses_alone(tmp_path: Path) -> None:
    done = run("openai-batch", tmp_path, "batch_responses.jsonl")
    assert done.rows("prompt_id", "sample_id", "correct", "n_tokens", "logprob", "model") == [
        ("mul-1", 0, None, 6, None, "tiny-chat"),
        ("add-1", 0, None, 3, -1.0, "tiny-chat"),
        ("add-1", 1, None, 2, -3.0, "tiny-chat"),
        ("mul-2", 0, None, 7, None, "tiny-chat"),
    ]
    assert done.report.unit == "tokens"
    assert done.report.ungraded == 4
    assert done.report.left_out == {"a request that failed": 1}


@pytest.mark.parametrize("reverse", [False, True])
def test_requests_of_equal_content_are_one_prompt(tmp_path: Path, reverse: bool) -> None:
    files = ["batch_requests.jsonl", "batch_responses.jsonl"]
    done = run(
        "openai-batch",
        tmp_path,
        *(reversed(files) if reverse else files),
        answers=FIXTURES / "batch_answers.csv",
    )
    assert done.rows("prompt_id", "sample_id", "correct", "first_correct") == [
        ("mul-1", 0, True, 6),
        ("add-1", 0, True, 3),
        ("add-1", 1, False, None),
        ("mul-1", 1, False, None),
    ]
    assert json.loads(done.column("sampling")[1]) == {
        "max_completion_tokens": 64,
        "n": 2,
        "temperature": 0.8,
    }
    assert done.report.decided_by == {"final answer against the answers given": 4}


def test_text_completions(tmp_path: Path) -> None:
    done = run("openai-batch", tmp_path, "batch_completions.jsonl")
    assert done.rows("prompt_id", "text", "n_tokens", "logprob", "answer") == [
        ("c-1", r" so \boxed{9}", 2, -2.0, "9")
    ]


def test_old_vllm_writes_the_body_in_place_of_the_response(tmp_path: Path) -> None:
    body = {"choices": [{"message": {"content": "four", "reasoning_content": "2+2"}}]}
    path = write_lines(tmp_path / "r.jsonl", {"custom_id": "a", "response": body, "error": None})
    done = run("openai-batch", tmp_path, path)
    assert done.rows("text", "n_tokens", "unit") == [("2+2\nfour", 2, "words")]


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_the_reasoning_beside_a_reply_is_no_answer(tmp_path: Path, field: str) -> None:
    def line(name: str, content: str | None) -> dict[str, object]:
        message = {"content": content, field: r"maybe \boxed{7}"}
        return {"custom_id": name, "response": {"body": {"choices": [{"message": message}]}}}

    lines = [line("a", "The answer is 5"), line("b", "The answer is 7"), line("c", None)]
    (tmp_path / "a.json").write_text('{"a": "5", "b": "5", "c": "7"}')
    done = run(
        "openai-batch",
        tmp_path,
        write_lines(tmp_path / "r.jsonl", *lines),
        answers=tmp_path / "a.json",
    )
    assert done.column("correct") == [True, False, False]
    assert done.column("text")[0] == "maybe \\boxed{7}\nThe answer is 5"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.json", '{"mul-1": "42", "add-1": 5}'),
        ("a.jsonl", '{"custom_id": "mul-1", "target": "42"}\n{"custom_id":"add-1","answer":5}\n'),
    ],
)
def test_forms_of_the_answers(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)
    done = run("openai-batch", tmp_path, "batch_responses.jsonl", answers=tmp_path / name)
    assert done.column("correct") == [True, True, False, None]
    assert done.report.decided_by["nothing (no answer given)"] == 1


@pytest.mark.parametrize(
    ("answers", "says"),
    [
        ("custom_id,answer\na,1\na,2\n", r"line 3: custom_id 'a' has two answers"),
        ("id,answer\na,1\n", r"line 2: field 'custom_id' is missing"),
        ("custom_id,answer\na\n", r"line 2: 1 fields where the header has 2"),
    ],
)
def test_bad_answers(tmp_path: Path, answers: str, says: str) -> None:
    (tmp_path / "a.csv").write_text(answers)
    with pytest.raises(TableError, match=says):
        run("openai-batch", tmp_path, "batch_responses.jsonl", answers=tmp_path / "a.csv")


def response(**body: object) -> dict[str, object]:
    return {"custom_id": "a", "response": {"status_code": 200, "body": body}, "error": None}


@pytest.mark.parametrize(
    ("record", "says"),
    [
        ({"response": {}}, "field 'custom_id' is missing"),
        (response(data=[]), "field 'choices' is missing"),
        (response(choices=[{"message": {"content": 3}}]), "content of a message is 3"),
        (response(choices=[{"text": "a"}], usage={"completion_tokens": -2}), "cannot be negative"),
        (
            response(choices=[{"text": "a", "logprobs": {"token_logprobs": ["x"]}}]),
            "a token's logprob is 'x', not a number",
        ),
    ],
)
def test_bad_responses(tmp_path: Path, record: object, says: str) -> None:
    path = write_lines(tmp_path / "r.jsonl", record)
    with pytest.raises(TableError, match=says):
        run("openai-batch", tmp_path, path)


def test_a_response_without_choices_is_counted(tmp_path: Path) -> None:
    said = response(choices=[{"message": {"content": "4"}}])
    path = write_lines(tmp_path / "r.jsonl", said, response(choices=[]) | {"custom_id": "b"})
    done = run("openai-batch", tmp_path, path)
    assert done.column("text") == ["4"]
    assert done.report.left_out == {"a response without choices": 1}


def test_requests_alone_and_twice_the_same_request(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="holds requests only"):
        run("openai-batch", tmp_path, "batch_requests.jsonl")
    line = (FIXTURES / "batch_requests.jsonl").read_text().splitlines()[0]
    twice = write_lines(tmp_path / "r.jsonl", line, line)
    with pytest.raises(TableError, match="line 2: custom_id 'add-1' of an earlier request"):
        run("openai-batch", tmp_path, twice, "batch_responses.jsonl")
