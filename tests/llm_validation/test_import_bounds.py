"""Files that are damaged, or made to fill memory or never to end: one line that names the file."""

import contextlib
import gzip
import json
import os
import struct
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.llm_validation.importing import HEADER, run, write_lines
from verigap.llm_validation import read_traces
from verigap.llm_validation.importers import FORMATS, ImportOptions, import_traces, sources
from verigap.llm_validation.importers.records import BadRecord, Note, Parsed
from verigap.llm_validation.traces import load_traces
from verigap.sim.sweeps import read_law_table
from verigap.storage.parquet import ParquetError, parquet_account
from verigap.storage.tables import TableError

GOOD = {"prompt_id": "a", "correct": True, "text": "one two"}
HUGE = 10**400
LM_LINE = {
    "doc_id": 0, "doc": {}, "target": "4", "resps": [["4"]], "filtered_resps": ["4"],
    "exact_match": 1.0, "filter": "none",
}  # fmt: skip
LM_DATE = "2026-01-01T00-00-00.000000"
SAMPLE: dict[str, Any] = {
    "id": 1, "epoch": 1, "scores": {"match": {"value": "C"}},
    "output": {"choices": [{"message": {"role": "assistant", "content": "4"}}]},
}  # fmt: skip


def inspect_log(path: Path, header: object, *samples: object) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as log:
        log.writestr("header.json", json.dumps(header))
        for number, sample in enumerate(samples, 1):
            log.writestr(f"samples/{number}_epoch_1.json", json.dumps(sample))
    return path


@pytest.mark.parametrize(
    "results",
    [True, [], {"results": True}, {"results": {"sums": True}}, {"model_name": [1]},
     {"results": {"sums": {"exact_match,none": HUGE}}},
     {"results": {"sums": {"exact_match,none": [True]}}}],
    ids=lambda value: str(value)[:40],
)  # fmt: skip
def test_results_beside_samples_may_be_anything(tmp_path: Path, results: object) -> None:
    path = write_lines(tmp_path / f"samples_sums_{LM_DATE}.jsonl", LM_LINE)
    (tmp_path / f"results_{LM_DATE}.json").write_text(json.dumps(results))
    done = run("lm-eval", tmp_path, path)
    assert done.column("correct") == [True]
    assert done.report.harness == ()


@pytest.mark.parametrize(
    "results",
    [True, {"scores": True}, {"scores": [True]}, {"scores": [{"name": "match", "metrics": True}]},
     {"scores": [{"name": "match", "metrics": {"accuracy": True}}]},
     {"scores": [{"name": "match", "metrics": {"accuracy": {"value": HUGE}}}]}],
    ids=lambda value: str(value)[:60],
)  # fmt: skip
def test_results_of_a_log_may_be_anything(tmp_path: Path, results: object) -> None:
    path = inspect_log(tmp_path / "log.eval", dict(HEADER) | {"results": results}, SAMPLE)
    done = run("inspect", tmp_path, path)
    assert done.column("correct") == [True]
    assert done.report.harness == ()


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"scores": True}, "scores is True, not an object"),
        ({"scores": {"match": True}}, "score match is True, not an object"),
        ({"scores": [1]}, "scores is a list of 1, not an object"),
        ({"attachments": True}, "attachments is True, not an object"),
    ],
    ids=str,
)
def test_a_sample_of_the_wrong_kind_is_named(
    tmp_path: Path, wrong: dict[str, Any], says: str
) -> None:
    path = inspect_log(tmp_path / "log.eval", HEADER, SAMPLE | wrong, SAMPLE | {"id": 2})
    with pytest.raises(TableError, match=rf"log\.eval, samples/1_epoch_1\.json: {says}"):
        run("inspect", tmp_path, path)
    done = run("inspect", tmp_path, path, skip_bad=True)
    assert (done.report.samples, done.report.skipped) == (1, 1)


def test_metrics_of_the_wrong_kind_are_named(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "t.jsonl", LM_LINE, LM_LINE | {"doc_id": 1, "metrics": True})
    with pytest.raises(TableError, match=r"t\.jsonl, line 2: metrics is True, not a list"):
        run("lm-eval", tmp_path, path)
    assert run("lm-eval", tmp_path, path, skip_bad=True).report.skipped == 1


def test_what_is_wrong_with_a_whole_file_names_it(tmp_path: Path) -> None:
    def read(*_: object) -> Iterator[Parsed]:
        yield Parsed(f"{path}, line 1", Note("read so far"))
        raise wrong

    path = write_lines(tmp_path / "t.jsonl", GOOD)
    form = replace(FORMATS["table"], read=read)
    for wrong in (BadRecord("stats is True, not a list"), AttributeError("no attribute 'get'")):
        with pytest.raises(TableError, match=rf"t\.jsonl: .*{wrong}.*; check the file"):
            import_traces(form, [path], tmp_path / "out.parquet", ImportOptions())


@pytest.mark.parametrize("cut", [15, 60, -12, -1])
@pytest.mark.parametrize("form", [None, "inspect"])
def test_a_torn_gzip_in_place_of_a_log_is_named(tmp_path: Path, form: str | None, cut: int) -> None:
    path = tmp_path / "log.eval"
    log = {**HEADER, "samples": [SAMPLE | {"id": i, "x": f"{i * 7919}"} for i in range(50)]}
    path.write_bytes(gzip.compress(json.dumps(log).encode())[:cut])
    with pytest.raises(ValueError, match=r"log\.eval: .*(damaged|too early)") as refusal:
        read_traces(path) if form is None else run(form, tmp_path, path)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("place", range(0, 400, 23))
def test_a_damaged_zip_is_named(tmp_path: Path, place: int) -> None:
    path = inspect_log(tmp_path / "log.eval", HEADER, SAMPLE, SAMPLE | {"id": 2})
    data = bytearray(path.read_bytes())
    data[place % len(data)] ^= 0xFF
    path.write_bytes(data)
    said = str(path)
    with contextlib.suppress(TableError):
        try:
            run("inspect", tmp_path, path)
        except TableError as refusal:
            said = str(refusal)
            raise
    assert said.startswith(str(path))
    assert said.isprintable()


@pytest.mark.parametrize("depth", [99, 100, 200, 900, 2999])
@pytest.mark.parametrize("kind", ["jsonl", "json"])
@pytest.mark.parametrize(("start", "end"), [("[", "]"), ('{"a": [', "]}")])
def test_the_depth_of_records_is_bounded(
    tmp_path: Path, depth: int, kind: str, start: str, end: str
) -> None:
    number = depth // len(end)
    more = start * number + "[" * (depth % len(end)) + "]" * (depth % len(end)) + end * number
    record = f'{json.dumps(GOOD)[:-1]}, "more": {more}}}'
    path = tmp_path / f"t.{kind}"
    path.write_text(record if kind == "jsonl" else f"[{record}]")
    # The record itself is one more.
    if depth < 100:
        assert run("table", tmp_path, path).report.samples == 1
        return
    with pytest.raises(TableError, match=r"t\.jsonl?, (line|record) 1: .*nested too deeply"):
        run("table", tmp_path, path)


def test_the_number_of_objects_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "MOST_CONTAINERS", 1000)
    # Formulas are full of braces, and no objects.
    text = r"\frac{1}{2} \"{" * 1000
    full = json.dumps(GOOD | {"text": text, "more": [{}] * 998})
    over = json.dumps(GOOD | {"text": text, "more": [{}] * 999})
    assert run("table", tmp_path, write_lines(tmp_path / "t.jsonl", full)).report.samples == 1
    says = "more than [0-9,]+ objects"
    path = write_lines(tmp_path / "u.jsonl", full, over)
    with pytest.raises(TableError, match=rf"u\.jsonl, line 2: .*{says}"):
        run("table", tmp_path, path)
    document = tmp_path / "u.json"
    document.write_text(f"[{over}]")
    with pytest.raises(TableError, match=rf"u\.json, record 1: .*{says}"):
        run("table", tmp_path, document)
    log = inspect_log(tmp_path / "log.eval", HEADER, SAMPLE | {"more": [{}] * 1000})
    with pytest.raises(TableError, match=rf"log\.eval, samples/1_epoch_1\.json: .*{says}"):
        run("inspect", tmp_path, log)


def test_an_entry_that_grows_is_refused_unopened(tmp_path: Path) -> None:
    path = tmp_path / "log.eval"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as log:
        log.writestr("header.json", json.dumps(HEADER))
        log.writestr("samples/1_epoch_1.json", "[" + "{}," * 7 * 2**20 + "{}]")
    with pytest.raises(TableError, match=r"log\.eval: 21 MiB of samples/1_epoch_1\.json .* bomb"):
        run("inspect", tmp_path, path)


def test_lines_that_grow_without_end_are_not_read_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "t.jsonl.gz"
    for filler, says in ((b"\n" * 2**22, "blank lines"), (b"\nx" + b"x" * 2**24, "grown to more")):
        path.write_bytes(gzip.compress(json.dumps(GOOD).encode() + filler))
        monkeypatch.setattr(sources, "LONGEST_RECORD", 2**20)
        monkeypatch.setattr(sources, "MOST_GROWN", 2**22)
        done = run("table", tmp_path, path, skip_bad=True)
        assert done.report.samples == 1
        assert says in done.report.skipped_list[-1]


READERS = {
    "read_traces": read_traces,
    "load_traces": load_traces,
    "read_law_table": read_law_table,
}


@pytest.mark.parametrize("reader", READERS)
def test_no_reader_waits_for_a_pipe(tmp_path: Path, reader: str) -> None:
    path = tmp_path / "pipe.parquet"
    os.mkfifo(path)
    with pytest.raises(ValueError, match=r"pipe\.parquet: "):
        READERS[reader](path)


def test_a_pipe_beside_samples_is_not_waited_for(tmp_path: Path) -> None:
    path = write_lines(tmp_path / f"samples_sums_{LM_DATE}.jsonl", LM_LINE)
    os.mkfifo(tmp_path / f"results_{LM_DATE}.json")
    assert run("lm-eval", tmp_path, path).report.samples == 1


def varint(number: int) -> bytes:
    """A number as the footer of a Parquet file has it."""
    digits = []
    while number > 127:
        digits.append(number & 127 | 128)
        number >>= 7
    return bytes([*digits, number])


def claiming(data: bytes, rows: int, claimed: int, *places: int) -> bytes:
    """A Parquet file whose footer claims another number of rows, at these places or everywhere."""
    length = struct.unpack("<I", data[-8:-4])[0]
    body, footer = data[: -8 - length], data[-8 - length : -8]
    old, new = b"\x16" + varint(2 * rows), b"\x16" + varint(2 * claimed)
    pieces = footer.split(old)
    assert len(pieces) > 3
    changed = b"".join(
        piece + (b"" if last else new if not places or number in places else old)
        for number, piece in enumerate(pieces)
        for last in [number == len(pieces) - 1]
    )
    return body + changed + struct.pack("<I", len(changed)) + b"PAR1"


@pytest.mark.parametrize(
    ("places", "says"),
    [((), "claims 200,000,000 rows"), ((0,), "two numbers of rows"), ((1,), "number of rows")],
)
def test_rows_that_a_file_cannot_hold_are_not_read(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], places: tuple[int, ...], says: str
) -> None:
    path = tmp_path / "t.parquet"
    pl.DataFrame(
        {"prompt_id": [f"{i}" for i in range(400)], "correct": [True] * 400}
    ).write_parquet(path)
    whole = path.read_bytes()
    assert parquet_account(path).rows == parquet_account(whole).rows == 400
    path.write_bytes(claiming(whole, 400, 200_000_000, *places))
    for reader in READERS.values():
        with pytest.raises(ValueError, match=says) as refusal:
            reader(path)
        assert "t.parquet" in str(refusal.value)
    # No panic of Polars was seen by the user either.
    assert capfd.readouterr().err == ""


def test_a_footer_that_is_damaged_anywhere_is_refused_or_says_the_same(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    frame = pl.DataFrame({"a": [1, 2, 3], "b": [["x"], [], None], "c": [{"d": 0.5}] * 3})
    frame.write_parquet(path)
    whole = path.read_bytes()
    length = struct.unpack("<I", whole[-8:-4])[0]
    refused = 0
    for place in range(len(whole) - 8 - length, len(whole)):
        for flip in (0x01, 0x10, 0xFF):
            data = bytearray(whole)
            data[place] ^= flip
            try:
                parquet_account(bytes(data))
            except ParquetError:
                refused += 1
    assert refused > length // 2
    for end in range(0, len(whole), 7):
        with pytest.raises(ParquetError):
            parquet_account(whole[:end])
