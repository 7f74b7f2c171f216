"""What is wrong with a file, an option or a record is told in one line that says where it is."""

from __future__ import annotations

import gzip
import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.llm_validation.importing import FIXTURES, run, write_lines
from verigap.llm_validation.importers import choose_format, read_samples, sources
from verigap.storage.tables import TableError

ROW = {"prompt_id": "a", "correct": True, "n_tokens": 3}
REPLY = {"index": 0, "message": {"role": "assistant", "content": "4"}}
BATCH = {"custom_id": "a", "response": {"body": {"choices": [REPLY]}}}
EVALUATED = {
    "schema_version": "instance_level_eval_0.2", "evaluation_id": "e", "model_id": "m",
    "evaluation_name": "n", "sample_id": "a", "sample_hash": "h", "interaction_type": "single_turn",
    "input": {"raw": "1 + 1?", "reference": ["2"]}, "output": {"raw": ["2"]},
    "evaluation": {"score": 1.0, "is_correct": True},
}  # fmt: skip


def said(form: str, folder: Path, *files: Path | str, **options: Any) -> str:
    """The one line that an import is refused with."""
    with pytest.raises(ValueError, match=r".") as refusal:
        run(form, folder, *files, **options)
    (line,) = str(refusal.value).splitlines()
    return line


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([{"custom_id": "a", "answer": " "}], "line 1: the answer to 'a' is empty; each line need"),
        ([{"custom_id": "a"}], "line 1: field 'target' is missing; each line ne"),
        ([{"custom_id": "a", "answer": "4"}, {"custom_id": "a", "answer": "5"}], "line 2: "),
        ([""], ": holds nothing but white space; leave it out, or make it again"),
    ],
)
def test_files_of_right_answers(tmp_path: Path, rows: list[object], says: str) -> None:
    log = write_lines(tmp_path / "b.jsonl", BATCH)
    answers = write_lines(tmp_path / "answers.jsonl", *rows)
    assert said("openai-batch", tmp_path, log, answers=answers).startswith(f"{answers}"), rows
    assert says in said("openai-batch", tmp_path, log, answers=answers)


def test_metrics_that_a_log_does_not_have(tmp_path: Path) -> None:
    solved = {"hash": "h", "eval": {"HumanEval/0": [{"base_status": "pass"}]}}
    path = tmp_path / "s.json"
    path.write_text(json.dumps(solved))
    assert said("evalplus", tmp_path, path, metric="em") == (
        "metric: the log has no 'em'; it has base, plus"
    )
    path = write_lines(tmp_path / "e.jsonl", EVALUATED)
    assert said("every-eval-ever", tmp_path, path, metric="em") == (
        "metric: the log has no 'em'; it has none"
    )
    doc = {"id": "a", "query": "1 + 1?", "choices": ["2"], "gold_index": 0}
    path = write_lines(tmp_path / "d.jsonl", {"doc": doc, "model_response": {"text": ["2", "3"]}})
    line = said("lighteval", tmp_path, path, metric="em")
    assert line.startswith("metric: of no use for documents with several replies")


def test_a_verdict_for_several_texts(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "e.jsonl", EVALUATED | {"output": {"raw": ["2", "3"]}})
    line = said("every-eval-ever", tmp_path, path)
    assert f"{path}, line 1: output.raw has 2 texts for one verdict" in line


def test_a_metric_that_only_some_documents_have(tmp_path: Path) -> None:
    name = "samples_gsm8k_2026-03-04T05-06-07.890123.jsonl"
    first, *others = [json.loads(line) for line in (FIXTURES / name).read_text().splitlines()]
    (metric,) = first["metrics"]
    others[0] = {**others[0], "metrics": ["other"], "other": others[0].pop(metric)}
    path = write_lines(tmp_path / name, first, *others)
    line = said("lm-eval", tmp_path, path)
    assert f"{path}, line 2: metric {metric!r} is missing, which decides other" in line


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"question: [1, 2\nsamples: }", ", line 2: not valid YAML ("),
        (b"question: \xff\xfe\xff", "not valid YAML ("),
        (b"question: *none\n", "not valid YAML (unknown alias 'none')"),
        (b"- 3\n", "no problem with its samples, but another YAML value"),
    ],
)
def test_problems_in_yaml(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "p.yaml"
    path.write_bytes(content)
    line = said("monkeys", tmp_path, path)
    assert line.startswith(str(path))
    assert says in line


def test_a_request_without_a_prompt(tmp_path: Path) -> None:
    request = {"custom_id": "a", "method": "POST", "url": "/v1", "body": {"model": "m"}}
    path = write_lines(tmp_path / "r.jsonl", request)
    answered = write_lines(tmp_path / "b.jsonl", BATCH)
    line = said("openai-batch", tmp_path, path, answered)
    assert f"{path}, line 1: the request has neither messages nor prompt" in line


def test_files_that_no_format_is_chosen_for(tmp_path: Path) -> None:
    table = write_lines(tmp_path / "t.jsonl", ROW)
    batch = write_lines(tmp_path / "b.jsonl", BATCH)
    cases: Mapping[str, tuple[str | None, list[Path]]] = {
        f"{tmp_path}: is a folder; give its files": (None, [tmp_path]),
        f"{tmp_path / 'none'}: no such file; check the path": (None, [tmp_path / "none"]),
        "x: unknown format; use one of lm-eval, ": ("x", [table]),
        f"{batch}: this is ": ("lm-eval", [batch]),
        f"the files are of several formats ({batch} is openai-batch": (None, [batch, table]),
    }
    for says, (asked, paths) in cases.items():
        with pytest.raises(ValueError, match=f"^{re.escape(says)}"):
            choose_format(asked, paths)
    with pytest.raises(ValueError, match=r"^paths: give at least one file$"):
        read_samples([])


@pytest.mark.parametrize("value", ["1" + "0" * 400, "1e400", "Infinity", '"inf"'])
def test_numbers_that_are_not_finite(tmp_path: Path, value: str) -> None:
    text = json.dumps(ROW | {"verifier_score": 7}).replace("7", value)
    line = said("table", tmp_path, write_lines(tmp_path / "t.jsonl", text))
    assert "t.jsonl, line 1: verifier_score is " in line


def test_where_traces_cannot_be_written(tmp_path: Path) -> None:
    from verigap.llm_validation.importers import FORMATS, ImportOptions, import_traces

    path = write_lines(tmp_path / "t.jsonl", ROW)
    (folder := tmp_path / "folder.parquet").mkdir()
    for out, says in ((tmp_path / "t.csv", "traces are written as Parquet"),
                      (folder, "is a folder, not a file")):  # fmt: skip
        with pytest.raises(TableError, match=f"^{out}: {says}"):
            import_traces(FORMATS["table"], [path], out, ImportOptions())


def log_of_inspect(path: Path, header: str) -> Path:
    with zipfile.ZipFile(path, "w") as log:
        log.writestr("header.json", header)
        log.writestr("samples/1_epoch_1.json", "{}")
    return path


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("l.json", "[1", ": neither a zip file nor a JSON log: not valid JSON"),
        ("l.json", "7", ": neither a zip file nor a JSON log: a JSON number where an object was"),
        ("l.json", '{"eval": {}}', ": holds no list of samples; is this a log of Inspect?"),
        ("l.json", '{"samples": [7]}', ", sample 1: a sample that is no object"),
        ("l.eval", "[]", ", header.json: a JSON list where an object was expected; copy or down"),
        ("l.eval", "{", ", header.json: not valid JSON"),
    ],
)
def test_logs_of_inspect_that_are_none(tmp_path: Path, name: str, content: str, says: str) -> None:
    path = tmp_path / name
    if name.endswith(".eval"):
        log_of_inspect(path, content)
    else:
        path.write_text(content)
    assert said("inspect", tmp_path, path).startswith(f"{path}{says}")


def test_a_log_without_a_header(tmp_path: Path) -> None:
    with zipfile.ZipFile(path := tmp_path / "l.eval", "w") as log:
        log.writestr("samples/1_epoch_1.json", "{}")
    assert said("inspect", tmp_path, path) == (
        f"{path}: holds no header.json; is this a log of Inspect?"
    )


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b'[{"prompt_id": "a", "correct": true}, 7]', "record 2: a JSON number where an object"),
        (b'[{"prompt_id": "a", "correct": true}, {"a": ' + b"[" * 200 + b"]" * 200 + b"}]",
         "record 2: "),
        (b"[" * 100_000, "record 1: "),
        (b'[{"prompt_id": ' + b"9" * 5000 + b"}]", "record 1: not valid JSON (a number has too ma"),
        (b'[{"prompt_id": "\xff", "correct": true}]', "record 1: not valid JSON (it is not UTF-8)"),
        (b'[{"prompt_id": "a", "correct": true}', "record 2: not valid JSON (the file ends too ea"),
        (b'[{"prompt_id": "a", "correct": true}, ', "record 2: not valid JSON (the file ends too "),
        (b'[{"prompt_id": "a", "correct": true}]\n[{"prompt_id": "b", "correct": true}]',
         "record 2: not valid JSON (the array has ended before)"),
        (b'[{"prompt_id": "a", "correct": true}]]', "record 2: not valid JSON (the array has ende"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("packed", [False, True])
def test_bad_records_of_an_array(tmp_path: Path, content: bytes, says: str, packed: bool) -> None:
    path = tmp_path / ("t.json.gz" if packed else "t.json")
    path.write_bytes(gzip.compress(content) if packed else content)
    assert f"{path}, {says}" in said("table", tmp_path, path)


def test_an_array_that_is_cut_while_packed(tmp_path: Path) -> None:
    rows = [ROW | {"prompt_id": str(i), "text": f"text {i * 7919 % 1013}"} for i in range(20_000)]
    packed = gzip.compress(json.dumps(rows).encode())
    path = tmp_path / "t.json.gz"
    path.write_bytes(packed[: len(packed) // 2])
    line = said("table", tmp_path, path)
    assert re.search(rf"^{path}, record \d+: ", line)


MEASURED = """
import re, sys
from pathlib import Path
from verigap.llm_validation.importers import FORMATS, ImportOptions, import_traces

def most():
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])
before = most()
done = import_traces(FORMATS["table"], [Path(sys.argv[1])], Path(sys.argv[2]), ImportOptions())
print(done.samples, (most() - before) // 1024)
"""


@pytest.mark.long
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="a file of Linux")
def test_blanks_in_an_array_take_bounded_memory(tmp_path: Path) -> None:
    """They grow to 600 MiB; a piece twice as long each time took more than half of that."""
    with gzip.open(path := tmp_path / "t.json.gz", "wb", compresslevel=1) as file:
        file.write(b"[")
        for _ in range(600):
            file.write(b" " * 2**20)
        file.write(b'{"prompt_id": "a", "correct": true}]')
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, path, tmp_path / "out.parquet"],
        capture_output=True,
        text=True,
        check=True,
    )
    samples, grown = map(int, done.stdout.split())
    assert samples == 1
    assert grown < 250


def test_blanks_that_grow_without_end_are_not_read_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "MOST_GROWN", 2**22)
    path = tmp_path / "t.json.gz"
    path.write_bytes(gzip.compress(b"[" + b" " * 2**24 + b'{"prompt_id": "a", "correct": true}]'))
    assert f"{path}, record 1: the compressed data have grown to more" in said(
        "table", tmp_path, path
    )
