"""What survives when the process that writes a run folder is killed."""

import re
import signal
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from verigap.storage.run_store import RunStore, StoreError

CONFIG = "horizon: [64, 128]\nseed: 0\n"

# The child process of the kill tests: `hang_at` is the fsync at which it stops for good, having
# said so; 0 means never. It announces every batch that `write_batch` has returned from.
CHILD = """
import os, sys, time
import polars as pl
from verigap.storage import run_store as store
path, hang_at = sys.argv[1], int(sys.argv[2])
calls = 0
def fsync(descriptor, real=os.fsync):
    global calls
    calls += 1
    if calls == hang_at:
        print("hanging", flush=True)
        time.sleep(60)
    real(descriptor)
os.fsync = fsync
run = store.RunStore.open(path, "horizon: [64, 128]\\nseed: 0\\n", {"seed": 0})
print("open", flush=True)
for index in range(10_000):
    run.write_batch(pl.DataFrame({"cell": [f"c{index}", f"d{index}"], "value": [index, -index]}))
    print(f"c{index}", flush=True)
"""


def start_child(path: Path, hang_at: int = 0) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", CHILD, str(path), str(hang_at)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def read_until(child: subprocess.Popen[str], last: str) -> list[str]:
    assert child.stdout is not None
    lines: list[str] = []
    while not lines or lines[-1] != last:
        line = child.stdout.readline()
        assert line, f"the child ended after {lines[-3:]}"
        lines.append(line.strip())
    return lines


def kill(child: subprocess.Popen[str]) -> list[str]:
    """Kill -9, and what the child had still said by then."""
    child.send_signal(signal.SIGKILL)
    rest, _ = child.communicate()
    return rest.split()


@pytest.fixture
def run_path(tmp_path: Path) -> Path:
    return tmp_path / "runs" / "one"


def test_a_second_opener_is_told_who_has_it(run_path: Path) -> None:
    with start_child(run_path) as child:
        read_until(child, "c0")
        with pytest.raises(StoreError, match=f"in use by process {child.pid} on ") as refusal:
            RunStore.open(run_path, CONFIG, {})
        assert "\n" not in str(refusal.value)
        # Looking is allowed meanwhile.
        assert "c0" in RunStore.read_only(run_path).finished_cells()
        kill(child)
    RunStore.open(run_path, CONFIG, {}).close()


def test_kill_while_a_batch_is_half_written(run_path: Path) -> None:
    # Every file costs two syncs, its own and its folder's. The child writes its owner note, its
    # provenance, and a manifest and a batch twice; the eleventh is that of the second batch, not
    # yet renamed.
    with RunStore.open(run_path, CONFIG, {"seed": 0}) as run:
        run.write_batch(pl.DataFrame({"cell": ["z"], "value": [0]}))
    with start_child(run_path, hang_at=11) as child:
        said = read_until(child, "hanging")
        kill(child)
    assert said == ["open", "c0", "hanging"]
    assert [path.name for path in (run_path / "cells").glob(".*.tmp")] != []
    assert RunStore.read_only(run_path).finished_cells() == {"z", "c0", "d0"}
    with RunStore.open(run_path, CONFIG, {}) as run:
        assert run.finished_cells() == {"z", "c0", "d0"}
        assert run.warnings == []
    assert list(run_path.rglob(".*.tmp")) == []


def test_kill_at_full_speed_loses_nothing_announced(run_path: Path) -> None:
    with start_child(run_path) as child:
        announced = read_until(child, "c40") + kill(child)
    cells = {line for line in announced if re.fullmatch(r"c\d+", line)}
    run = RunStore.open(run_path, CONFIG, {})
    finished = {cell for cell in run.finished_cells() if cell.startswith("c")}
    assert cells <= finished
    assert len(finished - cells) <= 1  # stored, but killed before saying so
    table = run.read_cells()
    run.close()
    expected = [int(cell[1:]) * (1 if cell[0] == "c" else -1) for cell in table["cell"]]
    assert table["value"].to_list() == expected


def test_kill_while_the_folder_is_being_made_leaves_no_run(run_path: Path) -> None:
    with start_child(run_path, hang_at=1) as child:
        read_until(child, "hanging")
        kill(child)
    assert not run_path.exists()
    (draft,) = run_path.parent.iterdir()
    RunStore.open(run_path.with_name("two"), CONFIG, {}).close()
    assert draft.exists()  # the draft of another run
    RunStore.open(run_path, CONFIG, {}).close()
    assert not draft.exists()
