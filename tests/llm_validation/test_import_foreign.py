"""Files that hold no samples: one line says what they are, whether a format is named or not."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import re
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import polars as pl
import pytest
import zstandard

from verigap.cli.options import with_flags
from verigap.llm_validation.importers import ImportOptions, choose_format, read_samples

ROWS = "prompt_id,correct\n" + "".join(f"q{number},1\n" for number in range(3000))
LINES = "".join(f'{{"prompt_id": "q{number}", "correct": true}}\n' for number in range(3000))


def parquet() -> bytes:
    buffer = io.BytesIO()
    pl.DataFrame({"prompt_id": ["a"] * 500, "correct": [True] * 500}).write_parquet(buffer)
    return buffer.getvalue()


def archive(*names: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name in names:
            file.writestr(name, "x")
    return buffer.getvalue()


def tar() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as file:
        file.addfile(tarfile.TarInfo("samples.jsonl"), io.BytesIO())
    return buffer.getvalue()


FILES: Mapping[str, tuple[str, Callable[[], bytes], str]] = {
    "empty table": ("t.csv", lambda: b"", "is empty (0 bytes)"),
    "empty lines": ("t.jsonl", lambda: b"", "is empty (0 bytes)"),
    "empty Parquet": ("t.parquet", lambda: b"", "is empty (0 bytes)"),
    "blank": ("t.jsonl", lambda: b"\n \n\r\n", "nothing but white space"),
    "blank in gzip": ("t.jsonl.gz", lambda: gzip.compress(b""), "nothing but white space"),
    "mark alone": ("t.csv", lambda: b"\xef\xbb\xbf", "nothing but white space"),
    "UTF-16": ("t.csv", lambda: ROWS.encode("utf-16"), "is text in UTF-16; save it as UTF-8"),
    "UTF-16 lines": ("t.jsonl", lambda: LINES.encode("utf-16"), "is text in UTF-16"),
    "UTF-16 without a mark": ("t.csv", lambda: ROWS.encode("utf-16-le"), "text in UTF-16LE"),
    "UTF-16 big": ("t.jsonl", lambda: LINES.encode("utf-16-be"), "text in UTF-16BE"),
    "UTF-32": ("t.csv", lambda: ROWS.encode("utf-32"), "is text in UTF-32"),
    "torn Parquet": ("t.parquet", lambda: parquet()[:-20], "a Parquet file that ends too early"),
    "torn Parquet by another name": ("t.bin", lambda: parquet()[:100], "ends too early"),
    "torn zip": ("t.eval", lambda: archive("header.json")[:-10], "is damaged or ends too early"),
    "torn gzip": ("t.jsonl.gz", lambda: gzip.compress(LINES.encode())[:12], "packed with gzip"),
    "torn Zstandard": (
        "t.jsonl.zst",
        lambda: zstandard.compress(LINES.encode())[:10],
        "packed with Zstandard",
    ),
    "torn xz": ("t.csv.xz", lambda: lzma.compress(ROWS.encode())[:20], "damaged or end too early"),
    "torn bzip2": ("t.csv.bz2", lambda: bz2.compress(ROWS.encode())[:20], "packed with bzip2"),
    "workbook": ("t.xlsx", lambda: archive("[Content_Types].xml", "xl/a.xml"), "Excel workbook"),
    "archive": ("t.zip", lambda: archive("samples.jsonl"), "is a zip archive (samples.jsonl)"),
    "tar": ("t.tar", tar, "is a tar archive; unpack it"),
    "packed tar": ("t.tar.gz", lambda: gzip.compress(tar()), "is a tar archive; unpack it"),
    "pickle": ("t.pkl", lambda: b"\x80\x04\x95abc", "a Python pickle"),
    "page": ("t.json", lambda: b"<!DOCTYPE html><html>login", "is a web page"),
    "pointer": (
        "t.jsonl",
        lambda: b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n",
        "a pointer of Git LFS",
    ),
    "Arrow": ("t.arrow", lambda: b"ARROW1\0\0abc", "an Arrow file"),
    "database": ("t.db", lambda: b"SQLite format 3\0", "an SQLite database"),
}


@pytest.mark.parametrize("name", FILES)
def test_what_a_file_is_is_said(tmp_path: Path, name: str) -> None:
    file, content, says = FILES[name]
    path = tmp_path / file
    path.write_bytes(content())
    for read in (
        lambda: read_samples(path),
        lambda: choose_format(None, [path]),
        lambda: choose_format("table", [path]),
    ):
        with pytest.raises(ValueError, match=re.escape(says)) as refusal:
            read()
        message = str(refusal.value)
        assert message.startswith(f"{path}: ")
        assert "no format known" not in message
        assert "\n" not in message
        assert "; " in message or name == "pointer"


def test_an_empty_file_among_others_is_a_warning(tmp_path: Path) -> None:
    for number, content in enumerate((LINES, "", "\n")):
        (tmp_path / f"{number}.jsonl").write_text(content)
    samples = read_samples(sorted(tmp_path.iterdir()))
    assert samples.traces.num_samples == 3000
    empty, blank = samples.warnings
    assert empty.endswith("1.jsonl: is empty (0 bytes), and gives no samples")
    assert blank.endswith("2.jsonl: holds nothing but white space, and gives no samples")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.jsonl", LINES.encode("utf-8-sig")),
        ("t.csv", ROWS.encode("utf-8-sig")),
        ("t.txt", LINES.encode()),
        ("t.log", ROWS.encode()),
        ("samples", LINES.encode()),
        ("t.csv", LINES.encode()),
        ("t.dat", parquet()),
        ("t.jsonl", gzip.compress(LINES.encode())),
    ],
)
def test_the_content_says_what_a_table_is(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    frame = read_samples(path).traces.frame
    assert frame["correct"].all()
    assert frame.height in (500, 3000)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("t.jsonl", b"{not json\n", r"no record can be read .*line 1: not valid JSON"),
        ("t.jsonl", b"[1, 2]\n", r"no record can be read .*a JSON list where an object"),
        ("t.json", b'"text"', r"no record can be read .*a JSON string where an object"),
        ("t.json", b"[]", r"no record can be read .an empty list"),
        ("t.json", b"[{}]", r"no record can be read .record 1: an object without fields"),
        ("t.json", b"[1, {}]", r"no record can be read .record 1: a JSON number where"),
        ("t.jsonl", b"{}\n{}\n", r"no record can be read .line 1: an object without fields"),
        ("t.json", b'[{"a": "b', r"no record can be read .record 1: .*the file ends too early"),
        (
            "t.csv",
            b"prompt_id,correct\n",
            r"no record can be read .holds no traces, only the names",
        ),
        ("t.csv", b"prompt_id;correct\nq;1\n", r"its columns are separated by ';'"),
        ("t.bin", bytes(range(128, 200)), r"no record can be read .*not '\.bin'"),
    ],
)
def test_why_no_record_can_be_read(tmp_path: Path, name: str, content: bytes, says: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ValueError, match=says) as refusal:
        read_samples(path)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        (
            "problem,is_correct,length",
            "--map prompt_id=problem --map correct=is_correct --map n_tokens=length;",
        ),
        ("question,passed,reply", "--map prompt_id=question --map correct=passed --map text=reply"),
        ("promptid,corect", "--map prompt_id=promptid --map correct=corect;"),
        ("prompt_id,Correct", "--map correct=Correct;"),
        ("task_id,gold,response", "--map prompt_id=task_id --map target=gold --map text=response"),
        ("idx,score,completion_tokens", "--map correct=score --map n_tokens=completion_tokens"),
    ],
)
def test_likely_columns_are_named_without_a_format(tmp_path: Path, columns: str, says: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text(f"{columns}\n" + ",".join("1" for _ in columns.split(",")) + "\n")
    with pytest.raises(ValueError, match="is of no format known here") as refusal:
        read_samples(path)
    message = with_flags(str(refusal.value))
    assert f"(its fields: {columns.replace(',', ', ')})" in message
    assert says in message
    # What is suggested works.
    given = message.partition(" with ")[2].partition(";")[0].replace("--map ", "").split()
    mapping = dict(entry.split("=") for entry in given)
    assert read_samples(path, ImportOptions(mapping=mapping)).traces.num_samples == 1
