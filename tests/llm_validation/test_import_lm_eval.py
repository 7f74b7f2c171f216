import json
from pathlib import Path

import pytest

from tests.llm_validation.importing import FIXTURES, run, write_lines
from verigap.storage.tables import TableError

GSM8K = "samples_gsm8k_2026-03-04T05-06-07.890123.jsonl"


def test_one_response_is_judged_by_the_logged_metric_of_one_filter(tmp_path: Path) -> None:
    done = run("lm-eval", tmp_path, GSM8K)
    assert done.rows("prompt_id", "sample_id", "correct", "answer_canonical") == [
        ("0", 0, True, "12"),
        ("1", 0, False, None),
        ("2", 0, False, "16"),
    ]
    assert set(done.rows("dataset", "model", "unit")) == {("gsm8k", "example/tiny-lm", "words")}
    assert done.column("n_tokens") == [7, 6, 4]
    assert done.column("first_correct") == [7, None, None]
    assert done.column("first_correct_is_end") == [True, False, False]
    assert json.loads(done.column("sampling")[0])["temperature"] == 0.7
    assert done.column("source")[0] == (
        f"{GSM8K}; correct by metric exact_match, filter strict-match"
    )
    assert done.report.decided_by == {"metric exact_match, filter strict-match": 3}
    assert done.report.left_out == {
        "a line of filter 'flexible-extract', where 'strict-match' decides": 3
    }


def test_another_filter_decides_otherwise(tmp_path: Path) -> None:
    done = run("lm-eval", tmp_path, GSM8K, filter="flexible-extract")
    assert done.column("correct") == [True, True, False]
    with pytest.raises(
        ValueError, match="filter: the log has no 'loose'; it has strict-match, flexible-extract"
    ):
        run("lm-eval", tmp_path, GSM8K, filter="loose")
    with pytest.raises(ValueError, match="metric: the log has no 'acc'; it has exact_match"):
        run("lm-eval", tmp_path, GSM8K, metric="acc")


def test_filters_that_disagree_are_named(tmp_path: Path) -> None:
    (note,) = [n for n in run("lm-eval", tmp_path, GSM8K).report.notes if "filter" in n]
    assert note == (
        "exact_match is 0.6667 by filter 'flexible-extract' and 0.3333 by 'strict-match', which is "
        "used; `filter` flexible-extract uses the other"
    )


@pytest.mark.parametrize(
    ("logged", "verdicts"),
    [
        ({"pass@1": 0.0}, [False, False]),
        ({"pass@1": 1.0}, [True, True]),
        ({"pass@1": 0.5}, [None, None]),
        # Of ten, none passed; of ten, one may have.
        ({"pass@10": 0.0}, [False, False]),
        ({"pass@10": 1.0, "pass@1": 0.5}, [None, None]),
    ],
)
def test_code_that_the_harness_ran_is_not_compared_with_its_tests(
    tmp_path: Path, logged: dict[str, float], verdicts: list[bool | None]
) -> None:
    line = {
        "doc_id": 0,
        "doc": {},
        "target": "assert f(1) == 2",
        "arguments": {"gen_args_0": {"arg_0": "def f", "arg_1": {}}},
        "resps": [["return x + 1", "return x"]],
        "filtered_resps": ["return x + 1", "return x"],
        "filter": "none",
        "metrics": list(logged),
    }
    done = run("lm-eval", tmp_path, write_lines(tmp_path / "samples_code.jsonl", line | logged))
    assert done.column("correct") == verdicts


def test_repeats_are_graded_one_by_one_from_resps(tmp_path: Path) -> None:
    # The logged metric is 0 for both documents: it judged one response, or a filter's choice.
    done = run("lm-eval", tmp_path, "samples_repeats.jsonl", dataset="halves", model="m")
    assert done.rows("prompt_id", "sample_id", "correct") == [
        ("0", 0, True),
        ("0", 1, True),
        ("0", 2, False),
        ("0", 3, False),
        ("1", 0, True),
        # The same set in another order.
        ("1", 1, True),
        ("1", 2, True),
        ("1", 3, False),
    ]
    assert done.report.decided_by == {"final answer against target": 8}
    assert set(done.rows("dataset", "model")) == {("halves", "m")}
    assert (done.report.correct, done.report.incorrect, done.report.ungraded) == (5, 3, 0)


def test_a_metric_that_is_no_verdict_is_refused_and_never_skipped(tmp_path: Path) -> None:
    line = json.loads((FIXTURES / GSM8K).read_text().splitlines()[0])
    log = write_lines(tmp_path / "l.jsonl", line | {"exact_match": 0.5})
    for skip in (False, True):
        with pytest.raises(TableError, match=r"exact_match is 0\.5, .*`correct_above`") as caught:
            run("lm-eval", tmp_path, log, skip_bad=skip)
        assert "on-error" not in str(caught.value)
    assert run("lm-eval", tmp_path, log, correct_above=0.4).column("correct") == [True]


def test_a_document_with_several_targets(tmp_path: Path) -> None:
    line = {"doc_id": 0, "resps": [["#### 1", "#### 2", "#### 3"]], "target": ["1", "2"]}
    log = write_lines(tmp_path / "l.jsonl", line)
    assert run("lm-eval", tmp_path, log).column("correct") == [True, True, False]


@pytest.mark.parametrize(
    ("resps", "says"),
    [
        ([[["-3.5", "False"]]], "log-likelihoods"),
        ([[["-3.5", "False"]], [["-1.5", "True"]]], "several requests"),
        ([[3]], "a response in resps is 3, not text"),
        ("text", "resps is 'text', not a list"),
    ],
)
def test_what_is_no_generated_answer_is_refused(tmp_path: Path, resps: object, says: str) -> None:
    log = write_lines(tmp_path / "l.jsonl", {"doc_id": 0, "resps": resps, "target": "1"})
    with pytest.raises(TableError, match=says):
        run("lm-eval", tmp_path, log)
