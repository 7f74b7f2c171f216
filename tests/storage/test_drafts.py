"""Drafts of processes that were killed are removed, those of living ones are not."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from verigap.storage.drafts import draft_folder

CHILD = """
import sys, time
from pathlib import Path
from verigap.storage.drafts import draft_folder
with draft_folder(Path(sys.argv[1])) as draft:
    (draft / "piece").write_text("half")
    print(draft, flush=True)
    time.sleep(60)
"""


def start_child(path: Path) -> tuple[subprocess.Popen[str], Path]:
    command = [sys.executable, "-c", CHILD, str(path)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    return child, Path(child.stdout.readline().strip())


def test_only_drafts_of_killed_processes_of_the_same_path_are_removed(tmp_path: Path) -> None:
    path = tmp_path / "a[1].parquet"
    (other := tmp_path / ".a1.parquet.x.tmp").mkdir()
    child, draft = start_child(path)
    with child:
        assert (draft / "piece").read_text() == "half"
        with draft_folder(path) as own:
            assert own != draft
            assert draft.exists()
        child.send_signal(signal.SIGKILL)
    assert draft.exists()
    with draft_folder(path):
        assert not draft.exists()
    assert list(tmp_path.iterdir()) == [other]


def test_what_was_moved_out_of_a_draft_stays(tmp_path: Path) -> None:
    path = tmp_path / "run"
    with draft_folder(path) as draft:
        (draft / "file").write_text("whole")
        draft.rename(path)
    assert [found.name for found in tmp_path.iterdir()] == ["run"]


def test_a_draft_that_is_removed_before_it_is_locked_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    removed: list[Path] = []

    def remove_first(path: Path, flags: int, opened: Callable[..., int] = os.open) -> int:
        if not removed:
            removed.append(path)
            path.rmdir()
        return opened(path, flags)

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", remove_first)
        with draft_folder(tmp_path / "run") as draft:
            assert removed != [draft]
            assert draft.is_dir()
