"""Parquet files that nobody vouches for cannot bring the process down; those of ours are known."""

from __future__ import annotations

import io
import random
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from tests.llm_validation.importing import run
from verigap.llm_validation import read_traces
from verigap.llm_validation.traces import load_traces
from verigap.sim.sweeps import read_law_table
from verigap.storage import parquet_guard
from verigap.storage.parquet import ParquetError, parquet_account
from verigap.storage.parquet_guard import is_sealed, refuse_fatal, seal_file, sealed
from verigap.storage.tables import decode_parquet, load_frame, save_frame

FRAME = pl.DataFrame(
    {
        "prompt_id": [f"{i // 8}" for i in range(256)],
        "correct": [None if i % 7 == 0 else i % 3 == 0 for i in range(256)],
    }
)


def plain(frame: pl.DataFrame = FRAME) -> bytes:
    buffer = io.BytesIO()
    frame.write_parquet(buffer, compression="uncompressed")
    return buffer.getvalue()


def test_a_sealed_file_is_read_as_before_and_any_change_breaks_the_seal(tmp_path: Path) -> None:
    whole, path = plain(), tmp_path / "t.parquet"
    path.write_bytes(whole)
    seal_file(path)
    data = path.read_bytes()
    assert data == sealed(whole)
    assert parquet_account(data).rows == FRAME.height
    assert pl.read_parquet(data).equals(FRAME)
    assert is_sealed(path)
    assert not is_sealed(whole)
    draw = random.Random(1)
    for _ in range(100):
        changed = bytearray(data)
        changed[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
        path.write_bytes(bytes(changed))
        assert not is_sealed(bytes(changed))
        assert not is_sealed(path)
    for end in (0, 4, 8, 11, 40, len(data) - 1):
        path.write_bytes(data[:end])
        assert not is_sealed(data[:end])
        assert not is_sealed(path)


def test_tables_of_ours_need_no_other_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet_guard, "_survived", lambda path, data: pytest.fail("asked"))
    save_frame(FRAME, tmp_path / "t.parquet")
    assert load_frame(tmp_path / "t.parquet", decode_parquet, "a Parquet file").equals(FRAME)
    refuse_fatal(tmp_path / "t.parquet")


EXAMPLE = Path(__file__).parents[2] / "examples" / "smollm2_products.parquet"
READ = "import sys, polars as pl; pl.read_parquet(sys.argv[1])"


@pytest.fixture
def fatal(tmp_path: Path) -> Path:
    """A file with a sound footer and a page that ends whoever lets Polars read it."""
    data = plain(pl.read_parquet(EXAMPLE).select("prompt_id", "correct"))
    # The header of the last page says how many values there are: -1,088 in place of 1,024.
    start, header, end = data.rpartition(b",\x15\x80\x10\x15")
    path = tmp_path / "fatal.parquet"
    path.write_bytes(start + header.replace(b"\x80", b"\xff") + end)
    assert parquet_account(path).rows == 1024
    done = subprocess.run([sys.executable, "-c", READ, path], capture_output=True, check=False)
    if done.returncode >= 0:
        pytest.skip("this release of Polars survives it")
    return path


def test_a_file_that_ends_polars_is_refused_in_one_line(fatal: Path) -> None:
    for read in (load_traces, read_traces, read_law_table, read_rows):
        with pytest.raises(ValueError, match=r"fatal\.parquet.*damaged so that") as refusal:
            read(fatal)
        assert "\n" not in str(refusal.value)
    with pytest.raises(ParquetError):
        refuse_fatal(fatal.read_bytes())


def read_rows(path: Path) -> object:
    return run("table", path.parent, path)


def test_what_polars_refuses_by_itself_is_left_to_it(tmp_path: Path) -> None:
    data = bytearray(plain())
    data[40:60] = bytes(20)
    refuse_fatal(bytes(data))
    path = tmp_path / "t.parquet"
    path.write_bytes(bytes(data))
    refuse_fatal(path)


def test_a_file_is_tried_once_until_it_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def survived(path: str, data: bytes) -> bool:
        asked.append(path)
        return True

    monkeypatch.setattr(parquet_guard, "_survived", survived)
    path = tmp_path / "t.parquet"
    path.write_bytes(plain())
    refuse_fatal(path)
    refuse_fatal(path)
    assert len(asked) == 1
    path.write_bytes(plain(FRAME.head(9)))
    refuse_fatal(path)
    assert len(asked) == 2
