import os
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import polars as pl
import pytest

from verigap.storage.files import write_durably
from verigap.storage.run_store import RunStore, StoreError
from verigap.storage.tables import TableError, save_frame

CONFIG = "horizon: [64, 128]\nseed: 0\n"


def batch(*cells: str) -> pl.DataFrame:
    return pl.DataFrame({"cell": list(cells), "value": [float(len(cell)) for cell in cells]})


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@pytest.fixture
def run_path(tmp_path: Path) -> Path:
    return tmp_path / "runs" / "one"


def test_a_run_is_written_and_read_back(run_path: Path) -> None:
    with RunStore.open(run_path, CONFIG, {"seed": 7}) as run:
        assert run.finished_cells() == set()
        assert run.read_cells().is_empty()
        run.write_batch(batch("b", "a"))
        run.write_batch(pl.DataFrame({"cell": ["c"], "other": [1]}))
        assert run.finished_cells() == {"a", "b", "c"}
    seen = RunStore.read_only(run_path)
    cells = seen.read_cells()
    assert cells["cell"].to_list() == ["a", "b", "c"]
    assert cells["other"].to_list() == [None, None, 1]
    assert (seen.config_yaml, seen.provenance, seen.warnings) == (CONFIG, {"seed": 7}, [])
    for path in (run_path / "cells").iterdir():
        assert re.fullmatch(r"[bc]-[0-9a-f]{16}\.parquet", path.name)
    assert [path.name for path in run_path.parent.iterdir()] == ["one"]


def test_resuming_continues_and_notes_who_did(run_path: Path) -> None:
    with RunStore.open(run_path, CONFIG, {"seed": 1}) as run:
        run.write_batch(batch("a"))
    with RunStore.open(run_path, CONFIG, {"seed": 2}) as run:
        assert run.finished_cells() == {"a"}
    assert RunStore.read_only(run_path).provenance == {"seed": 1}  # that one computed nothing
    with RunStore.open(run_path, CONFIG, {"seed": 3}) as run:
        run.write_batch(batch("b"))
        run.write_batch(batch("a", "c"))
    seen = RunStore.read_only(run_path)
    assert seen.provenance == {"seed": 1, "resumed": [{"seed": 3}]}
    assert seen.read_cells()["cell"].to_list() == ["a", "b", "c"]


def test_an_existing_empty_folder_is_filled_even_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    with RunStore.open(tmp_path / "link", CONFIG, {}) as run:
        run.write_batch(batch("a"))
    assert (tmp_path / "link").is_symlink()
    assert RunStore.read_only(tmp_path / "real").finished_cells() == {"a"}


def test_another_configuration_is_refused_with_the_difference(run_path: Path) -> None:
    RunStore.open(run_path, CONFIG, {}).close()
    before = contents(run_path)
    with pytest.raises(StoreError) as refusal:
        RunStore.open(run_path, CONFIG.replace("128", "256"), {})
    message = str(refusal.value)
    assert "-horizon: [64, 128]" in message
    assert "+horizon: [64, 256]" in message
    assert "seed" not in message
    assert contents(run_path) == before
    with pytest.raises(StoreError, match="more lines"):
        RunStore.open(run_path, "\n".join(f"key{index}: 1" for index in range(40)), {})


def test_other_paths_are_refused_untouched(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("kept")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "thesis.tex").write_text("kept")
    before = contents(tmp_path)
    with pytest.raises(StoreError, match="is a file"):
        RunStore.open(tmp_path / "file", CONFIG, {})
    with pytest.raises(StoreError, match="other things than a run"):
        RunStore.open(tmp_path / "folder", CONFIG, {})
    with pytest.raises(StoreError, match="cannot be a run folder"):
        RunStore.open(tmp_path / "file" / "below", CONFIG, {})
    with pytest.raises(StoreError, match="no run folder there"):
        RunStore.read_only(tmp_path / "missing")
    with pytest.raises(StoreError, match="is not a run folder"):
        RunStore.read_only(tmp_path / "folder")
    assert contents(tmp_path) == before


def test_of_openers_racing_to_create_the_run_one_gets_it(run_path: Path) -> None:
    start = threading.Barrier(8)

    def opener(seed: int) -> RunStore | str:
        start.wait()
        try:
            return RunStore.open(run_path, CONFIG, {"seed": seed})
        except StoreError as refusal:
            return str(refusal)

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(opener, range(8)))
    (run,) = (outcome for outcome in outcomes if isinstance(outcome, RunStore))
    refusals = [outcome for outcome in outcomes if isinstance(outcome, str)]
    assert all("in use by" in refusal for refusal in refusals)
    run.write_batch(batch("a"))
    run.close()
    assert [path.name for path in run_path.parent.iterdir()] == ["one"]


def test_the_same_process_cannot_open_twice_nor_write_after_closing(run_path: Path) -> None:
    run = RunStore.open(run_path, CONFIG, {})
    with pytest.raises(StoreError, match=f"in use by process {os.getpid()}"):
        RunStore.open(run_path, CONFIG, {})
    run.close()
    for store in (run, RunStore.read_only(run_path)):
        with pytest.raises(StoreError, match="not open for writing"):
            store.write_batch(batch("a"))
        with pytest.raises(StoreError, match="not open for writing"):
            store.record_failures([{"cell": "a", "error": "x"}])


@pytest.mark.parametrize("damage", ["flip", "truncate", "empty", "rename"])
def test_a_damaged_batch_is_set_aside_and_its_cells_run_again(run_path: Path, damage: str) -> None:
    with RunStore.open(run_path, CONFIG, {}) as run:
        run.write_batch(batch("a", "b"))
        run.write_batch(batch("c"))
    (victim,) = (run_path / "cells").glob("a-*.parquet")
    data = bytearray(victim.read_bytes())
    if damage == "flip":
        data[len(data) // 2] ^= 1
    victim.write_bytes({"truncate": data[:-9], "empty": b""}.get(damage, data))
    if damage == "rename":
        victim = victim.rename(victim.with_name("a.parquet"))
    seen = RunStore.read_only(run_path)
    assert seen.finished_cells() == {"c"}
    assert len(seen.warnings) == 1
    assert victim.exists()  # a reader changes nothing
    with RunStore.open(run_path, CONFIG, {}) as run:
        assert run.finished_cells() == {"c"}
        # Under another name it is also missing from its place.
        warning, *missing = run.warnings
        assert len(missing) == (damage == "rename")
        assert victim.name in warning
        assert "run again" in warning
        assert not victim.exists()
        assert victim.with_name(victim.name + ".corrupt").read_bytes() != b"" or damage == "empty"
        run.write_batch(batch("a", "b"))
        assert run.read_cells()["cell"].to_list() == ["a", "b", "c"]
    with RunStore.open(run_path, CONFIG, {}) as run:
        assert run.warnings == []


def test_damage_during_the_run_is_noticed_on_reading(run_path: Path) -> None:
    with RunStore.open(run_path, CONFIG, {}) as run:
        run.write_batch(batch("a"))
        (victim,) = (run_path / "cells").iterdir()
        victim.write_bytes(b"PAR1")
        assert run.read_cells().is_empty()
        assert run.finished_cells() == set()
        assert len(run.warnings) == 1


def test_failures_are_kept_until_the_cell_succeeds(run_path: Path) -> None:
    with RunStore.open(run_path, CONFIG, {}) as run:
        run.record_failures([])
        assert run.failures().is_empty()
        run.record_failures([{"cell": "b", "error": "old"}, {"cell": "a", "error": "nan", "n": 3}])
        run.record_failures([{"cell": "b", "error": "new"}])
    with RunStore.open(run_path, CONFIG, {}) as run:
        assert run.failures().select("cell", "error").rows() == [("a", "nan"), ("b", "new")]
        run.write_batch(batch("a"))
        assert run.failures()["cell"].to_list() == ["b"]
        run.write_batch(batch("b"))
        assert not (run_path / "failures.parquet").exists()
        with pytest.raises(StoreError, match="text 'cell' and a text 'error'"):
            run.record_failures([{"cell": "a"}])


@pytest.mark.parametrize(
    "frame",
    [
        batch(),
        batch("a").drop("cell"),
        batch("a", "a"),
        batch("../a"),
        pl.DataFrame({"cell": [1]}),
        pl.DataFrame({"cell": ["a", None]}),
    ],
)
def test_unusable_batches_are_refused(run_path: Path, frame: pl.DataFrame) -> None:
    with RunStore.open(run_path, CONFIG, {}) as run:
        with pytest.raises(StoreError):
            run.write_batch(frame)
        assert run.finished_cells() == set()
    assert list((run_path / "cells").iterdir()) == []


def test_a_full_disk_is_called_that_and_keeps_what_is_there(
    run_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with RunStore.open(run_path, CONFIG, {}) as run:
        run.write_batch(batch("a", "b"))
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", full)
            with pytest.raises(StoreError, match=r"No space .*the 2 finished cells are kept; free"):
                run.write_batch(batch("c"))
    monkeypatch.setattr(os, "fsync", full)
    for path, kept in (
        (run_path, "the 2 finished cells are kept"),
        (run_path.with_name("new"), "nothing"),
    ):
        with pytest.raises(StoreError, match=f"the disk is full .*; {kept}.*; free some space"):
            RunStore.open(path, CONFIG, {})
    with pytest.raises(TableError, match="the disk is full and nothing was written: free some"):
        save_frame(batch("a"), run_path / "table.parquet")
    assert RunStore.read_only(run_path).read_cells().equals(batch("a", "b"))


@pytest.mark.parametrize("name", ["config.yaml", "cells", "provenance.json", "manifest.json"])
def test_a_link_in_a_loop_is_named(run_path: Path, name: str) -> None:
    RunStore.open(run_path, CONFIG, {}).close()
    (run_path / name).rename(run_path / "elsewhere")
    (run_path / name).symlink_to(name)
    for look in (RunStore.read_only, lambda path: RunStore.open(path, CONFIG, {})):
        with pytest.raises(StoreError, match=f"{name}: "):
            look(run_path)


def test_a_failed_write_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    write_durably(path, b"old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_durably(path, b"new")
    assert contents(tmp_path) == {"file": b"old"}
