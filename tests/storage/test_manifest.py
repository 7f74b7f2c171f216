"""What a run folder has to hold is compared with what it holds."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from verigap.storage.manifest import Manifest
from verigap.storage.run_store import RunStore, StoreError

CONFIG = "horizon: [64, 128]\nseed: 0\n"
OTHER_SEED = CONFIG.replace("seed: 0", "seed: 1")
CELLS = ("a", "b", "c", "d")


def batch(*cells: str, value: float = 0.5) -> pl.DataFrame:
    return pl.DataFrame({"cell": list(cells), "value": [value] * len(cells)})


def made(path: Path, config: str = CONFIG, value: float = 0.5) -> Path:
    """A run of two batches and three of its four cells."""
    with RunStore.open(path, config, {"seed": 0}, CELLS) as run:
        run.write_batch(batch("a", "b", value=value))
        run.write_batch(batch("c", value=value))
    return path


def cell_file(run: Path, first: str) -> Path:
    (path,) = (run / "cells").glob(f"{first}-*.parquet")
    return path


def copied_in(run: Path, other: Path) -> None:
    for path in (other / "cells").iterdir():
        shutil.copy(path, run / "cells")


def exchanged(run: Path, other: Path) -> None:
    a, c = cell_file(run, "a"), cell_file(run, "c")
    first, second = a.read_bytes(), c.read_bytes()
    a.write_bytes(second)
    c.write_bytes(first)


def rewritten(path: Path, config: str = CONFIG) -> None:
    """The batch of another run of the same configuration, under the name of its own checksum."""
    other = made(path.parent.parent.parent / "rewritten", config, value=0.75)
    shutil.copy(cell_file(other, path.name[0]), path.parent)
    path.unlink()


def duplicated(run: Path, other: Path) -> None:
    path = cell_file(run, "c")
    shutil.copy(path, path.with_name(path.name.replace("c-", "d-")))


def appended(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\n")


def linked(run: Path, other: Path) -> None:
    cell_file(run, "c").unlink()
    (run / "cells" / "c-0000000000000000.parquet").symlink_to("c-0000000000000000.parquet")


def piped(run: Path, other: Path) -> None:
    os.mkfifo(run / "cells" / "x-0000000000000000.parquet")


WRONGS: dict[str, tuple[Callable[[Path, Path], object], str]] = {
    "another seed": (copied_in, r"cells/a-\w+\.parquet is of another run .*; cells/c-\w+"),
    "exchanged": (exchanged, r"cells/a-\w+.parquet fails its checksum; cells/c-\w+"),
    "altered": (lambda run, _: appended(cell_file(run, "a")), r"cells/a-\w+.parquet fails its"),
    "rewritten": (
        lambda run, _: rewritten(cell_file(run, "a")),
        r"cells/a-\w+.parquet is none of the batches of this run, .*; cells/a-\w+.parquet is miss",
    ),
    "missing": (lambda run, _: cell_file(run, "c").unlink(), r"cells/c-\w+.parquet is missing"),
    "duplicated": (duplicated, r"cells/d-\w+.parquet is a copy of another batch"),
    "a link in a loop": (linked, r"cells/c-0000000000000000.parquet cannot be read \(Too many"),
    "a pipe": (piped, r"cells/x-0000000000000000.parquet is no regular file"),
    "another config": (
        lambda run, _: (run / "config.yaml").write_text(OTHER_SEED),
        r"config\.yaml: is not as the run left it",
    ),
    "a config that is cut": (
        lambda run, _: (run / "config.yaml").write_text(CONFIG[:-1]),
        r"config\.yaml: is not as the run left it",
    ),
    "another provenance": (
        lambda run, _: (run / "provenance.json").write_text('{"seed": 1}'),
        r"provenance\.json: is not as the run left it",
    ),
    "a manifest that is cut": (
        lambda run, _: (run / "manifest.json").write_bytes(
            (run / "manifest.json").read_bytes()[:-9]
        ),
        r"manifest\.json: is damaged",
    ),
    "another manifest": (
        lambda run, _: (run / "manifest.json").write_text(
            (run / "manifest.json").read_text().replace('"d"', '"e"')
        ),
        r"manifest\.json: was altered",
    ),
}


@pytest.mark.parametrize("wrong", WRONGS)
def test_a_folder_that_is_not_as_its_run_left_it_is_refused(tmp_path: Path, wrong: str) -> None:
    run, other = made(tmp_path / "run"), made(tmp_path / "other", OTHER_SEED)
    assert RunStore.read_only(run).read_cells()["cell"].to_list() == ["a", "b", "c"]
    change, says = WRONGS[wrong]
    change(run, other)
    with pytest.raises(StoreError, match=says) as refusal:
        RunStore.read_only(run).read_cells()
    assert str(run) in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("wrong", WRONGS)
def test_the_run_goes_on_without_what_is_not_its_own(tmp_path: Path, wrong: str) -> None:
    run, other = made(tmp_path / "run"), made(tmp_path / "other", OTHER_SEED)
    change, says = WRONGS[wrong]
    change(run, other)
    if "cells/" not in says:
        with pytest.raises(StoreError, match=r"config|provenance|manifest"):
            RunStore.open(run, CONFIG, {"seed": 0}, CELLS)
        return
    with RunStore.open(run, CONFIG, {"seed": 0}, CELLS) as store:
        assert store.warnings
        for cell in sorted({*CELLS} - store.finished_cells()):
            store.write_batch(batch(cell))
    whole = RunStore.read_only(run)
    assert whole.warnings == []
    assert whole.read_cells().equals(batch(*CELLS))


def test_a_folder_without_a_manifest_is_read_and_gets_one_as_it_goes_on(tmp_path: Path) -> None:
    run, other = made(tmp_path / "run"), made(tmp_path / "other", OTHER_SEED)
    (run / "manifest.json").unlink()
    old = RunStore.read_only(run)
    assert old.manifest is None
    assert old.read_cells()["cell"].to_list() == ["a", "b", "c"]
    copied_in(run, other)
    with pytest.raises(StoreError, match="is of another run"):
        RunStore.read_only(run).read_cells()
    with RunStore.open(run, CONFIG, {"seed": 0}, CELLS) as store:
        assert any("had no manifest.json; its 2 files" in line for line in store.warnings)
        store.write_batch(batch("d"))
    manifest = RunStore.read_only(run).manifest
    assert manifest is not None
    assert [name[0] for name in manifest.adopted] == ["a", "c"]
    assert [name[0] for name in manifest.batches] == ["a", "c", "d"]


def test_whichever_write_is_the_last_the_folder_is_as_its_run_left_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = made(tmp_path / "run")
    left = tmp_path / "left"
    left.mkdir()
    sync = os.fsync

    def fsync(descriptor: int) -> None:
        # What a process that is killed here leaves behind.
        shutil.copytree(run, left / str(len(list(left.iterdir()))))
        sync(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fsync)
        with RunStore.open(run, CONFIG, {"seed": 2}, CELLS) as store:
            store.write_batch(batch("d"))
    stored = set()
    for folder in [*left.iterdir(), run]:
        cells = RunStore.read_only(folder).read_cells()["cell"].to_list()
        stored.add("".join(cells))
        with RunStore.open(folder, CONFIG, {"seed": 3}, CELLS) as store:
            assert store.warnings == []
            store.write_batch(batch("d"))
        assert RunStore.read_only(folder).read_cells().equals(batch(*CELLS))
        sessions = json.loads((folder / "provenance.json").read_text())["resumed"]
        assert sessions[-1] == {"seed": 3}
    assert len(list(left.iterdir())) >= 8
    assert stored == {"abc", "abcd"}


def test_a_manifest_that_was_edited_is_none() -> None:
    manifest = Manifest(config="0" * 64, provenance=("1" * 64,), batches={"a": "2" * 64})
    assert Manifest.from_bytes(manifest.to_bytes()) == manifest
    for wrong in (b"[]", b"{}", manifest.to_bytes().replace(b'"a"', b'"b"')):
        with pytest.raises(ValueError, match=r"is no manifest|was altered"):
            Manifest.from_bytes(wrong)
