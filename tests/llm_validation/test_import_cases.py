"""Inputs of the kinds that people have in hand, with the verdicts that are right."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.llm_validation.importing import FIXTURES, Imported, run, write_lines
from verigap.storage.tables import TableError

CASES = FIXTURES / "cases"


def case(form: str, folder: Path, name: str, **options: Any) -> Imported:
    """Import the files of a case folder; answers.jsonl is the file of right answers."""
    files = sorted(p for p in (CASES / name).iterdir() if p.name != "answers.jsonl")
    if (CASES / name / "answers.jsonl").exists():
        options |= {"answers": CASES / name / "answers.jsonl"}
    return run(form, folder, *files, **options)


@pytest.mark.parametrize(
    ("form", "name", "verdicts", "options"),
    [
        ("search-and-learn", "answer-newline-answer", (16, 8, 0), {}),
        ("search-and-learn", "latex-and-word-answers", (6, 6, 0), {}),
        ("openai-batch", "bare-answers", (48, 12, 0), {}),
        ("openai-batch", "truncated-at-max-tokens", (90, 150, 0), {}),
        ("openai-batch", "truncated-at-max-tokens", (90, 60, 90), {"missing": "ungraded"}),
        ("openai-batch", "openai-batch-length-refusal-400", (1, 3, 0), {}),
        ("openai-batch", "openai-batch-length-refusal-400", (1, 0, 3), {"missing": "ungraded"}),
        ("openai-batch", "openai-batch-n-and-single", (0, 0, 3), {}),
        ("lm-eval", "lmeval-answer-tails", (12, 2, 0), {}),
        ("lm-eval", "lmeval-yes-no-repeats", (24, 24, 0), {}),
        ("lm-eval", "lmeval-predict-only", (2, 2, 0), {}),
        ("lm-eval", "lmeval-exact-vs-math-verify", (4, 0, 0), {}),
        ("lm-eval", "lmeval-exact-vs-math-verify", (0, 4, 0), {"metric": "exact_match"}),
        ("lm-eval", "lmeval-metric-ignored-with-repeats", (3, 3, 0), {}),
        ("inspect", "inspect-dict-score", (8, 8, 0), {"scorer": "two.correct"}),
        ("inspect", "inspect-dict-score", (16, 0, 0), {"scorer": "two.format"}),
        ("table", "only-id-and-correct", (30, 50, 0), {}),
    ],
)
def test_every_sample_keeps_its_verdict(
    tmp_path: Path,
    form: str,
    name: str,
    verdicts: tuple[int, int, int],
    options: dict[str, Any],
) -> None:
    report = case(form, tmp_path, name, **options).report
    assert (report.correct, report.incorrect, report.ungraded) == verdicts


def test_verdicts_one_by_one(tmp_path: Path) -> None:
    done = case("search-and-learn", tmp_path, "answer-newline-answer")
    assert done.column("correct") == [True, False, True, False, True, True] * 4
    done = case("lm-eval", tmp_path, "lmeval-answer-tails")
    assert done.column("correct") == [True] * 10 + [False, True, False, True]


@pytest.mark.parametrize(
    ("form", "name", "options", "says"),
    [
        ("openai-batch", "anthropic-batch", {}, "field 'response' is missing, so this is .*Anthro"),
        ("inspect", "inspect-dict-score", {}, "choose one of two.correct, two.format"),
        ("inspect", "inspect-dict-score", {"scorer": "two"}, "no 'two'; it has two.correct, two.f"),
        ("lm-eval", "lmeval-loglikelihood", {}, "only generated answers can be imported"),
        (
            "lm-eval",
            "lmeval-metric-ignored-with-repeats",
            {"metric": "nosuchmetric"},
            "no 'nosuchmetric'; it has exact_match",
        ),
        (
            "lm-eval",
            "lmeval-metric-ignored-with-repeats",
            {"metric": "exact_match"},
            "of no use for documents with several responses",
        ),
        ("lm-eval", "lmeval-predict-only", {"metric": "bypass"}, "no 'bypass'; it has none"),
    ],
)
def test_what_cannot_be_decided_is_said(
    tmp_path: Path, form: str, name: str, options: dict[str, Any], says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        case(form, tmp_path, name, **options)


def test_why_samples_are_wrong_or_ungraded_is_counted(tmp_path: Path) -> None:
    report = case("openai-batch", tmp_path, "openai-batch-length-refusal-400").report
    assert report.incorrect_because == {"cut off at the limit, no answer": 2, "refusal": 1}
    assert report.left_out == {"a request that failed": 2}
    report = case("openai-batch", tmp_path, "openai-batch-n-and-single").report
    assert report.ungraded_because == {"no reference answer": 3}


def test_scorers_that_differ_are_listed(tmp_path: Path) -> None:
    report = case("lm-eval", tmp_path, "lmeval-exact-vs-math-verify").report
    assert report.decided_by == {"metric math_verify, filter none": 4}
    tallies = {t.name: (t.decides, t.correct, t.incorrect, t.differs) for t in report.scorers}
    assert tallies == {"exact_match": (False, 0, 4, 4), "math_verify": (True, 4, 0, 0)}


def test_logprobs_that_are_not_finite_are_unknown(tmp_path: Path) -> None:
    assert None in case("openai-batch", tmp_path, "vllm-inf-logprobs").column("logprob")


@pytest.mark.parametrize("skip", [False, True])
@pytest.mark.parametrize(
    ("file", "seen"),
    [
        ("verl-rollouts/dapo_100.jsonl", "-1"),
        ("csv-encodings/partial.csv", "0.99, 0.5"),
        ("csv-encodings/percent.csv", "100, 50"),
    ],
)
def test_scores_need_a_threshold(tmp_path: Path, file: str, seen: str, skip: bool) -> None:
    mapping = {"prompt_id": "input", "text": "output", "correct": "score"}
    options = {"mapping": mapping} if "verl" in file else {}
    with pytest.raises(TableError, match=rf"values seen: {seen}\); .*`correct_above`") as refusal:
        run("table", tmp_path, CASES / file, skip_bad=skip, **options)
    assert "on-error" not in str(refusal.value)


def test_a_threshold_makes_verdicts_of_scores(tmp_path: Path) -> None:
    mapping = {"prompt_id": "input", "text": "output", "correct": "score"}
    dapo = CASES / "verl-rollouts/dapo_100.jsonl"
    report = run("table", tmp_path, dapo, mapping=mapping, correct_above=0.0).report
    assert (report.correct, report.incorrect) == (8, 8)
    partial = CASES / "csv-encodings/partial.csv"
    done = run("table", tmp_path, partial, correct_above=0.5)
    assert done.column("correct") == [True, True, False, False]
    assert done.report.correct_above == {"0": 0.75, "0.5": 0.5, "0.99": 0.25}


@pytest.mark.parametrize(
    ("file", "says"),
    [
        ("bracket.csv", "neither true"),
        ("correctincorrect.csv", "neither true"),
        ("cr_only.csv", "not valid CSV"),
        ("float_tokens.csv", "not a whole number"),
        ("latin1.csv", "not UTF-8"),
        ("nan.csv", "'NA', neither true"),
        ("npbool.csv", "neither true"),
        ("passfail.csv", "neither true"),
        ("tf.csv", "neither true"),
        ("utf16.csv", "not UTF-8"),
    ],
)
def test_encodings_that_are_refused_in_one_line(tmp_path: Path, file: str, says: str) -> None:
    with pytest.raises(TableError, match=says) as refusal:
        run("table", tmp_path, CASES / "csv-encodings" / file)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("file", ["bom.csv", "crlf.csv", "run_seed_1.csv"])
def test_encodings_that_are_read(tmp_path: Path, file: str) -> None:
    report = run("table", tmp_path, CASES / "csv-encodings" / file).report
    assert (report.samples, report.correct, report.ungraded) == (16, 8, 0)


def test_the_source_keeps_the_whole_name_of_its_file(tmp_path: Path) -> None:
    path = tmp_path / "run, seed [1].csv"
    shutil.copy(CASES / "csv-encodings/run_seed_1.csv", path)
    sources = set(run("table", tmp_path, path).column("source"))
    assert sources == {"run, seed [1].csv; correct by correct"}


@pytest.mark.parametrize(
    ("file", "samples"),
    [
        ("cat_int8_f16.parquet", 4),
        ("null_type.parquet", 3),
        ("float_ids.parquet", 3),
        ("decimal.parquet", 4),
    ],
)
def test_parquet_types_that_are_read(tmp_path: Path, file: str, samples: int) -> None:
    assert run("table", tmp_path, CASES / "parquet-types" / file).report.samples == samples


def test_parquet_types_that_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="row 1"):
        run("table", tmp_path, CASES / "parquet-types" / "binary_ids.parquet")


def choice(content: str | None, finish: str = "stop", **message: Any) -> dict[str, Any]:
    """A choice of a chat completion."""
    return {"message": {"content": content, **message}, "finish_reason": finish}


@pytest.mark.parametrize(
    ("entry", "answer", "correct", "reason"),
    [
        # Cut off: incorrect, whatever was said before, unless one letter was all that fitted.
        (
            choice(r"It is \boxed{12}. Let me check th", "length"),
            "12",
            False,
            "cut off at the limit after an answer",
        ),
        (
            choice("So the answer is 12", "length"),
            "12",
            False,
            "cut off at the limit after an answer",
        ),
        (choice("B", "length"), "B", True, None),
        (choice("Step 12 follows from", "length"), "12", False, "cut off at the limit, no answer"),
        # Refusals.
        (choice(None, refusal="No."), "1", False, "refusal"),
        (choice("", "content_filter"), "1", False, "refusal"),
        (choice("I cannot help with that.", refusal=None), "1", False, "no answer found"),
        # Empty replies.
        (choice(""), "1", False, "empty reply"),
        (choice(None), "1", False, "empty reply"),
        (choice(" \n"), "1", False, "empty reply"),
        # Answers that need algebra, or none.
        (choice("Answer: $1+2x$"), "2x+1", True, None),
        (choice("Answer: (3, 4)"), "(4, 3)", False, None),
        (choice("Answer: (3,4)"), "(3, 4)", True, None),
        (choice(r"Answer: $\{2, 1\}$"), r"\{1,2\}", True, None),
        (choice("Answer: $x=5$"), "5", True, None),
        (choice("Answer: true"), "True", True, None),
        (choice("Answer: 33.3"), "100/3", False, None),
        (choice("Answer: 33.333333"), "100/3", True, None),
        (choice("Therefore 18"), "18", True, None),
        (choice("George Washington"), "george  washington", True, None),
    ],
)
def test_replies_of_a_batch(
    tmp_path: Path, entry: dict[str, Any], answer: str, correct: bool, reason: str | None
) -> None:
    body = {"choices": [entry], "usage": {"completion_tokens": 9}}
    out = write_lines(tmp_path / "out.jsonl", {"custom_id": "a", "response": {"body": body}})
    answers = write_lines(tmp_path / "a.jsonl", {"custom_id": "a", "answer": answer})
    done = run("openai-batch", tmp_path, out, answers=answers)
    assert done.column("correct") == [correct]
    assert done.report.incorrect_because == ({reason: 1} if reason else {})


def lm_eval_line(doc: int, *responses: str, **more: Any) -> dict[str, Any]:
    """A line of lm-eval's samples."""
    return {"doc_id": doc, "target": "5", "resps": [list(responses)], "filter": "f", **more}


def test_the_accuracy_of_the_harness_stands_beside_ours(tmp_path: Path) -> None:
    date = "2026-05-01T10-00-00.000001"
    metrics = {"metrics": ["exact_match", "bypass"], "bypass": 999}
    lines = [lm_eval_line(n, "#### 5", exact_match=float(n > 0), **metrics) for n in range(4)]
    log = write_lines(tmp_path / f"samples_sums_{date}.jsonl", *lines)
    results = {"model_name": "m", "results": {"sums": {"exact_match,f": 0.75, "alias": "sums"}}}
    (tmp_path / f"results_{date}.json").write_text(json.dumps(results))
    (stated,) = run("lm-eval", tmp_path, log).report.harness
    assert (stated.stated, stated.found, stated.samples, stated.agrees) == (0.75, 0.75, 4, True)
    results["results"]["sums"]["exact_match,f"] = 0.5
    (tmp_path / f"results_{date}.json").write_text(json.dumps(results))
    (stated,) = run("lm-eval", tmp_path, log).report.harness
    assert not stated.agrees


def test_what_follows_a_logged_stop_sequence_does_not_count(tmp_path: Path) -> None:
    arguments = {"gen_args_0": {"arg_1": {"until": ["[END]"]}}}
    line = lm_eval_line(0, "The answer is 5 [END] The answer is 6", "#### 6", arguments=arguments)
    log = write_lines(tmp_path / "l.jsonl", line)
    assert run("lm-eval", tmp_path, log).column("correct") == [True, False]
