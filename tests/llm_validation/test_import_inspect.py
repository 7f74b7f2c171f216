import importlib.util
import io
import json
import struct
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.llm_validation.importing import HEADER, inspect_log, inspect_sample, run
from verigap.storage.tables import TableError

SAMPLES = [
    inspect_sample("a", 1, "1+1 is 2"),
    inspect_sample("a", 2, "3", scores={"match": {"value": "I"}, "judge": {"value": 1.0}}),
    inspect_sample(7, 1, "", scores={"match": {"value": "N"}}),
    inspect_sample(7, 2, [{"type": "reasoning", "reasoning": "r"}, {"type": "text", "text": "t"}]),
    inspect_sample(7, 3, "x", error={"message": "boom", "traceback": "", "traceback_ansi": ""}),
    inspect_sample(7, 4, "x", scores={}),
    inspect_sample(7, 5, "attachment://k", attachments={"k": "long \x07 <b>"}),
]


def test_a_log_with_epochs_as_samples(tmp_path: Path) -> None:
    done = run("inspect", tmp_path, inspect_log(tmp_path / "l.eval", SAMPLES))
    assert done.rows("prompt_id", "sample_id", "correct", "text") == [
        ("a", 0, True, "1+1 is 2"),
        ("a", 1, False, "3"),
        ("7", 0, False, ""),
        ("7", 1, True, "r\nt"),
        ("7", 3, None, "x"),
        ("7", 4, True, "long \x07 <b>"),
    ]
    assert set(done.rows("dataset", "model", "n_tokens", "unit")) == {
        ("sums", "openai/tiny", 11, "tokens")
    }
    assert json.loads(done.column("sampling")[0]) == {"max_tokens": 32, "temperature": 0.5}
    assert done.report.left_out == {"a sample that ended in an error": 1}
    assert done.report.decided_by == {"scorer match": 5, "nothing": 1}


def test_the_reasoning_beside_a_reply_is_no_answer(tmp_path: Path) -> None:
    def parts(text: str) -> list[dict[str, str]]:
        return [
            {"type": "reasoning", "reasoning": r"maybe \boxed{7}"},
            {"type": "text", "text": text},
        ]

    samples = [
        inspect_sample("a", 1, parts("The answer is 5"), target="5", scores={}),
        inspect_sample("a", 2, parts("The answer is 5"), target="7", scores={}),
        inspect_sample("a", 3, parts(""), target="7", scores={}),
    ]
    done = run("inspect", tmp_path, inspect_log(tmp_path / "l.eval", samples))
    assert done.rows("correct", "answer") == [(True, "5"), (False, "5"), (False, None)]
    assert done.column("text")[2] == r"maybe \boxed{7}"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("C", True),
        ("I", False),
        ("N", False),
        (1, True),
        (0.0, False),
        (True, True),
        ("yes", True),
        (float("nan"), None),
        (None, None),
    ],
)
def test_values_of_a_score(tmp_path: Path, value: Any, expected: bool | None) -> None:
    log = inspect_log(
        tmp_path / "l.eval", [inspect_sample("a", 1, "x", scores={"s": {"value": value}})]
    )
    assert run("inspect", tmp_path, log).column("correct") == [expected]


@pytest.mark.parametrize("value", ["P", 0.5, "half", [1]])
def test_what_is_neither_right_nor_wrong_is_refused(tmp_path: Path, value: Any) -> None:
    log = inspect_log(
        tmp_path / "l.eval", [inspect_sample("a", 1, "x", scores={"s": {"value": value}})]
    )
    for skip in (False, True):
        with pytest.raises(TableError, match="neither"):
            run("inspect", tmp_path, log, skip_bad=skip)
    if value in ("P", 0.5):
        assert run("inspect", tmp_path, log, correct_above=0.4).column("correct") == [True]
        assert run("inspect", tmp_path, log, correct_above=0.5).column("correct") == [False]


def test_a_chosen_scorer(tmp_path: Path) -> None:
    log = inspect_log(tmp_path / "l.eval", SAMPLES[1:2])
    assert run("inspect", tmp_path, log, scorer="judge").column("correct") == [True]
    with pytest.raises(ValueError, match="scorer: the log has no 'human'; it has match, judge"):
        run("inspect", tmp_path, log, scorer="human")


def test_a_json_log(tmp_path: Path) -> None:
    (tmp_path / "l.json").write_text(json.dumps({**HEADER, "samples": SAMPLES}))
    packed = inspect_log(tmp_path / "l.eval", SAMPLES)
    first = run("inspect", tmp_path, tmp_path / "l.json").frame
    assert first.drop("source").equals(run("inspect", tmp_path, packed).frame.drop("source"))


def test_a_zip_bomb_is_refused_unopened(tmp_path: Path) -> None:
    path = tmp_path / "bomb.eval"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as log:
        log.writestr("header.json", json.dumps(HEADER))
        log.writestr("samples/a_epoch_1.json", bytes(300 * 2**20))
    with pytest.raises(TableError, match="look like a zip bomb"):
        run("inspect", tmp_path, path, skip_bad=True)
    assert list(tmp_path.iterdir()) == [path]


def test_an_entry_that_lies_about_its_size(tmp_path: Path) -> None:
    path = inspect_log(tmp_path / "l.eval", SAMPLES[:2])
    data = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as log:
        size = log.getinfo("samples/a_epoch_1.json").file_size
    where = data.rindex(struct.pack("<L", size))
    data[where : where + 4] = struct.pack("<L", 10)
    path.write_bytes(data)
    with pytest.raises(TableError, match=r"samples/a_epoch_1\.json: "):
        run("inspect", tmp_path, path)
    done = run("inspect", tmp_path, path, skip_bad=True)
    assert done.column("prompt_id") == ["a"]
    assert done.report.skipped == 1


def test_torn_and_foreign_files(tmp_path: Path) -> None:
    whole = inspect_log(tmp_path / "l.eval", SAMPLES).read_bytes()
    path = tmp_path / "torn.eval"
    for data, says in (
        (whole[: len(whole) // 2], "not a readable zip file"),
        (b"PK\x03\x04", "not a readable zip file"),
        (b"{}", "no list of samples"),
        (b"", "neither a zip file nor a JSON log"),
        (b"\xff" * 99, "neither a zip file nor a JSON log"),
    ):
        path.write_bytes(data)
        with pytest.raises(TableError, match=says):
            run("inspect", tmp_path, path)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as log:
        log.writestr("word/document.xml", "<x/>")
    path.write_bytes(buffer.getvalue())
    with pytest.raises(TableError, match=r"holds no header\.json"):
        run("inspect", tmp_path, path)


def test_a_directory_that_leads_before_the_file_is_one_line(tmp_path: Path) -> None:
    whole = bytearray(inspect_log(tmp_path / "x.eval", [inspect_sample("a", 1, "2")]).read_bytes())
    # The last record says where the directory begins, from which the other places are reckoned.
    start = int.from_bytes(whole[-6:-2], "little")
    whole[-6:-2] = (start + 100_000).to_bytes(4, "little")
    path = tmp_path / "y.eval"
    path.write_bytes(whole)
    with pytest.raises(TableError, match=r"y\.eval: not a readable zip file"):
        run("inspect", tmp_path, path)


def test_a_name_that_is_no_text_is_one_line(tmp_path: Path) -> None:
    whole = bytearray(inspect_log(tmp_path / "x.eval", [inspect_sample("a", 1, "2")]).read_bytes())
    entry = whole.rindex(b"PK\x01\x02")
    # The flag that says that the name is UTF-8, and a byte that cannot be.
    whole[entry + 9] |= 0x08
    whole[entry + 46] = 0xFF
    path = tmp_path / "y.eval"
    path.write_bytes(whole)
    with pytest.raises(TableError, match=r"y\.eval: not a readable zip file"):
        run("inspect", tmp_path, path)


def test_a_long_name_in_a_damaged_entry_is_shortened(tmp_path: Path) -> None:
    path = inspect_log(tmp_path / "x.eval", [inspect_sample("a", n, "2") for n in (1, 2)])
    whole = bytearray(path.read_bytes())
    # The length of the name in the entry's own header, which takes in what follows.
    at = whole.index(b"samples/a_epoch_2.json") - 4
    whole[at : at + 2] = (600).to_bytes(2, "little")
    path.write_bytes(whole)
    with pytest.raises(TableError, match="cannot be unpacked") as refusal:
        run("inspect", tmp_path, path)
    assert len(str(refusal.value).replace(str(tmp_path), "")) < 400


def test_a_damaged_sample_can_be_skipped(tmp_path: Path) -> None:
    path = inspect_log(tmp_path / "l.eval", SAMPLES[:2])
    with zipfile.ZipFile(path, "a") as log:
        log.writestr("samples/b_epoch_1.json", '{"id": "b", ')
        log.writestr("samples/c_epoch_1.json", json.dumps({"id": "c", "output": 3}))
    with pytest.raises(TableError, match=r"samples/b_epoch_1\.json: not valid JSON"):
        run("inspect", tmp_path, path)
    assert run("inspect", tmp_path, path, skip_bad=True).report.skipped == 2


def claim_packing(path: Path, method: int) -> None:
    """Claim that the entries are packed in another way than they are."""
    data = bytearray(path.read_bytes())
    for mark, offset in ((b"PK\x01\x02", 10), (b"PK\x03\x04", 8)):
        at = data.find(mark)
        while at >= 0:
            data[at + offset : at + offset + 2] = struct.pack("<H", method)
            at = data.find(mark, at + 4)
    path.write_bytes(data)


def test_what_python_cannot_unpack_needs_inspect(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = inspect_log(tmp_path / "l.eval", SAMPLES)
    claim_packing(path, 9)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(TableError, match=r"of another kind.*install inspect_ai.*--output-dir DIR"):
        run("inspect", tmp_path, path)


def test_damaged_zstandard_is_one_line(tmp_path: Path) -> None:
    path = inspect_log(tmp_path / "l.eval", SAMPLES)
    claim_packing(path, 93)
    with pytest.raises(TableError, match="not a readable zip file") as refusal:
        run("inspect", tmp_path, path)
    assert "\n" not in str(refusal.value)


@pytest.mark.readers
@pytest.mark.filterwarnings("default")
def test_inspects_own_reader(tmp_path: Path) -> None:
    log = importlib.import_module("inspect_ai.log")
    (tmp_path / "l.json").write_text(json.dumps({**HEADER, "samples": SAMPLES[:-1]}))
    log.write_eval_log(log.read_eval_log(str(tmp_path / "l.json")), str(tmp_path / "l.eval"))
    first = run("inspect", tmp_path, tmp_path / "l.json").frame.sort("prompt_id", "sample_id")
    second = run("inspect", tmp_path, tmp_path / "l.eval").frame.sort("prompt_id", "sample_id")
    # Writing a log, Inspect keeps less of the plan.
    assert second.drop("source", "sampling").equals(first.drop("source", "sampling"))
