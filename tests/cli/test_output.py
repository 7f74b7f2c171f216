"""Where output goes: pipes that close, disks that are full, places that cannot be written."""

import os
from pathlib import Path

import pytest

from tests.cli.command import TIMEOUT, Command, InProcess, assert_refused
from tests.cli.test_bad_input import contents, sweep_of


@pytest.mark.parametrize("command", ["--version", "bounds --list", "check"])
def test_a_closed_pipe(verigap: Command, mixed_run: Path, command: str) -> None:
    run = [str(mixed_run)] if command == "check" else []
    reader, writer = os.pipe()
    os.close(reader)
    child = verigap.start(*command.split(), *run, stdout=writer)
    os.close(writer)
    _, stderr = child.communicate(timeout=TIMEOUT)
    # Nor "Exception ignored" from the interpreter's last flush.
    assert stderr == ""
    assert child.returncode not in {0, 1}  # 1 would say that a bound is violated


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
@pytest.mark.parametrize("command", ["--version", "bounds --list", "check", "fit --help"])
def test_a_full_disk(verigap: Command, mixed_run: Path, command: str) -> None:
    run = [str(mixed_run)] if command == "check" else []
    with Path("/dev/full").open("w") as full:
        child = verigap.start(*command.split(), *run, stdout=full)
        _, stderr = child.communicate(timeout=TIMEOUT)
    assert child.returncode == 2
    assert stderr == "verigap: cannot write to standard output: No space left on device\n"


# Permissions would not stop a test that runs as root; these places refuse everybody.
@pytest.mark.parametrize("out", ["notes.txt/below", "folder", ".", "", "x" * 300])
def test_law_tables_that_cannot_be_written(in_process: InProcess, tmp_path: Path, out: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "notes.txt").write_text("not a folder\n")
    (tmp_path / "t.csv").write_text("prompt_id,correct,n_tokens\na,true,5\n")
    before = contents(tmp_path)
    done = in_process("laws", "t.csv", "--horizon", "8", "--out", out, cwd=tmp_path)
    assert_refused(done, "choose another path")
    assert contents(tmp_path) == before


@pytest.mark.parametrize("out", ["notes.txt/below", "notes.txt", "folder"])
def test_run_folders_that_cannot_be_made(in_process: InProcess, tmp_path: Path, out: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "notes.txt").write_text("not a run\n")
    (tmp_path / "notes.txt").write_text("not a folder\n")
    (tmp_path / "config.yaml").write_text(sweep_of())
    before = contents(tmp_path)
    done = in_process("sweep", "config.yaml", "--out", out, cwd=tmp_path)
    assert_refused(done, "choose a")  # another path, or a new folder
    assert contents(tmp_path) == before
