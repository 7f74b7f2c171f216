"""What no importer may fall over: each is an error at a named place, or a counted, listed skip."""

import gzip
import json
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from tests.llm_validation.importing import run, write_lines
from verigap.llm_validation.importers import FORMATS, sources
from verigap.storage.tables import TableError

GOOD = {"prompt_id": "a", "correct": True, "text": "one two"}


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        ('{"prompt_id": "a", ', "not valid JSON"),
        ("nonsense", "not valid JSON"),
        (b'{"prompt_id": "\xff"}', "not UTF-8"),
        ("[" * 100_000, "nested too deeply"),
        ('{"prompt_id": "a", "n_tokens": ' + "9" * 5000 + "}", "too many digits"),
        ("[1, 2]", "a JSON list where an object was expected"),
        ("null", "a JSON null where an object"),
        ("7", "a JSON number where an object"),
        ('{"prompt_id": "a', r"\(Invalid control character at character 17\)"),
        ({"correct": True}, "field 'prompt_id' is missing"),
        ({"prompt_id": ["a"], "correct": True}, "prompt_id is a list of 1, not a name"),
        (GOOD | {"n_tokens": -1}, "cannot be negative"),
        (GOOD | {"n_tokens": 10**30}, "not a whole number"),
        (GOOD | {"sample_id": -1}, "cannot be negative"),
        (GOOD | {"logprob": True}, "not a number"),
        (GOOD | {"text": 7.5, "answer": []}, "answer is a list of 0, not text"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_bad_line(tmp_path: Path, bad: object, says: str) -> None:
    path = write_lines(tmp_path / "t.jsonl", GOOD, "", bad, GOOD | {"correct": False})
    with pytest.raises(TableError, match=rf"t\.jsonl, line 3: .*{says}") as refusal:
        run("table", tmp_path, path)
    assert str(refusal.value).isprintable()
    assert list(tmp_path.iterdir()) == [path]
    done = run("table", tmp_path, path, skip_bad=True)
    assert done.column("correct") == [True, False]
    assert done.report.skipped == 1
    assert done.report.skipped_list[0].startswith(f"{path}, line 3: ")


@pytest.mark.parametrize(
    ("correct", "says"),
    [
        ("\x1b[31mred\n", r"'\\x1b\[31mred\\n', neither"),
        ({"a": 1}, "an object, neither true"),
        (0.5, "0.5, neither right"),
    ],
)
def test_no_sample_is_skipped_for_its_verdict(tmp_path: Path, correct: object, says: str) -> None:
    path = write_lines(tmp_path / "t.jsonl", GOOD, "", GOOD | {"correct": correct}, GOOD)
    for skip in (False, True):
        with pytest.raises(TableError, match=rf"t\.jsonl, line 3: .*{says}") as refusal:
            run("table", tmp_path, path, skip_bad=skip)
        assert str(refusal.value).isprintable()
        assert "on-error" not in str(refusal.value)


@pytest.mark.parametrize("cut", [0.3, 0.95])
def test_torn_gzip(tmp_path: Path, cut: float) -> None:
    lines = [json.dumps(GOOD | {"text": f"words {i * 7919 % 1000}"}) for i in range(5000)]
    whole = gzip.compress("\n".join(lines).encode())
    path = tmp_path / "t.jsonl"
    path.write_bytes(whole[: int(cut * len(whole))])
    with pytest.raises(TableError, match=r"line \d+: the compressed data are damaged or end"):
        run("table", tmp_path, path)
    assert list(tmp_path.iterdir()) == [path]
    done = run("table", tmp_path, path, skip_bad=True)
    assert 0 < done.report.samples < 5000
    assert done.report.skipped == 1
    path.write_bytes(whole[:200] + b"\x00" * 50 + whole[250:])
    with pytest.raises(TableError, match="compressed data are damaged"):
        run("table", tmp_path, path)


@pytest.mark.parametrize("end", [b"\n", b""])
def test_a_line_that_is_too_long(
    tmp_path: Path, end: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "LONGEST_RECORD", 2**20)
    path = write_lines(tmp_path / "t.jsonl", GOOD)
    with path.open("ab") as file:
        file.write(b'{"text": "' + b"x" * 3 * 2**20 + end)
    with pytest.raises(TableError, match="line 2: the line is longer than 1 MiB"):
        run("table", tmp_path, path)
    if end:
        with path.open("ab") as file:
            file.write(json.dumps(GOOD).encode())
    done = run("table", tmp_path, path, skip_bad=True)
    assert done.report.samples == (2 if end else 1)


def test_duplicates_across_files_and_pieces(tmp_path: Path) -> None:
    numbered = [GOOD | {"sample_id": i} for i in range(20_000)]
    one = write_lines(tmp_path / "1.jsonl", *numbered)
    two = write_lines(tmp_path / "2.jsonl", GOOD | {"sample_id": 20_001}, numbered[5], numbered[6])
    with pytest.raises(
        TableError, match=r"2\.jsonl, line 2: prompt 'a' has a sample 5 already, at"
    ):
        run("table", tmp_path, one, two)
    assert sorted(tmp_path.iterdir()) == [one, two]
    done = run("table", tmp_path, one, two, skip_bad=True)
    assert (done.report.samples, done.report.skipped, done.frame.height) == (20_001, 2, 20_001)
    assert done.report.correct == 20_001
    assert "1.jsonl, line 6" in done.report.skipped_list[0]


def test_text_is_kept_as_it_is(tmp_path: Path) -> None:
    text = "<script>alert(1)</script>\x00\x07\x1b[2J \u202e עברית\r\n"
    path = write_lines(tmp_path / "t.jsonl", GOOD | {"text": text, "prompt_id": text})
    assert run("table", tmp_path, path).rows("text", "prompt_id") == [(text, text)]


def test_half_characters_are_replaced_and_counted(tmp_path: Path) -> None:
    line = '{"prompt_id": "a", "correct": false, "text": "\\ud83d broken \\ud83d\\ude00"}'
    done = run("table", tmp_path, write_lines(tmp_path / "t.jsonl", line, GOOD))
    assert done.column("text") == ["\ufffd broken \U0001f600", "one two"]
    assert done.report.mended == 1


def test_the_table_is_none_of_the_files(tmp_path: Path) -> None:
    path = tmp_path / "out.parquet"
    pl.DataFrame([GOOD]).write_parquet(path)
    before = path.read_bytes()
    with pytest.raises(TableError, match="is one of the files to import"):
        run("table", tmp_path, path)
    assert path.read_bytes() == before


def test_files_that_are_none(tmp_path: Path) -> None:
    for name, says in (
        ("nowhere.jsonl", "no such file"),
        (".", "cannot be read|tables come|no such file"),
    ):
        for form in FORMATS:
            with pytest.raises(TableError, match=says):
                run(form, tmp_path, tmp_path / name)


def test_a_useless_option(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="mapping: of no use"):
        run("monkeys", tmp_path, "monkeys.jsonl", mapping={"text": "samples"})


MEASURED = """
import re, sys
from pathlib import Path
from verigap.llm_validation.importers import FORMATS
from verigap.llm_validation.importers import ImportOptions
from verigap.llm_validation.importers import import_traces
def most():
    # Not of getrusage, which a process inherits from the one that started it.
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])
before = most()
report = import_traces(
    FORMATS["table"], [Path(sys.argv[1])], Path(sys.argv[2]), ImportOptions(unit="characters")
)
print(report.samples, (most() - before) // 1024)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="a file of Linux")
def test_memory_is_bounded(tmp_path: Path) -> None:
    rows = 60_000
    path = tmp_path / "t.jsonl"
    filler = "word " * 400
    with path.open("w") as file:
        for i in range(rows):
            file.write(f'{{"prompt_id": "{i // 50}", "correct": false, "text": "{i} {filler}"}}\n')
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, path, tmp_path / "out.parquet"],
        capture_output=True,
        text=True,
        check=True,
    )
    samples, grown = map(int, done.stdout.split())
    assert samples == rows
    # The file has 120 MB of text. Pieces of it, and what Polars writes the table with, took 270 to
    # 325 MiB on two cores; all of the rows in memory take 680.
    assert path.stat().st_size > 115 * 2**20
    assert grown < 400
