"""What may befall a run folder: it is named, and the run goes on to what it would have been.

`VERIGAP_FAULTS` says how often each fault is tried in the campaign of `make chaos`; those that take
processes of their own are tried a quarter as often.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.command import TIMEOUT, Command, InProcess, stored_rows, succeeded
from tests.cli.fault_trials import Record, trials
from tests.cli.test_interrupt_campaign import CONFIG

TRIALS = int(os.environ.get("VERIGAP_FAULTS", "40"))
SLOW_TRIALS = max(1, TRIALS // 4)

Inflict = Callable[[Path, Path, random.Random], Path]


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("faults") / "config.yaml"
    path.write_text(CONFIG)
    return path


@pytest.fixture(scope="module")
def whole(verigap: Command, config: Path) -> Path:
    """The run in one go. To be read only."""
    run = config.with_name("whole")
    succeeded(verigap("sweep", config, "--out", run))
    return run


@pytest.fixture(scope="module")
def stranger(verigap: Command, config: Path) -> Path:
    """A run of the same configuration but for its seed."""
    other = config.with_name("other.yaml")
    other.write_text(CONFIG.replace("seed: 7", "seed: 8"))
    run = config.with_name("stranger")
    succeeded(verigap("sweep", other, "--out", run))
    return run


def rows(run: Path) -> str:
    """Every digit, and NaN equal to itself."""
    return json.dumps(stored_rows(run))


def files(run: Path) -> list[Path]:
    """What a run wrote, but for its lock."""
    return [path for path in sorted(run.rglob("*")) if path.is_file() and "lock" not in path.name]


def batches(run: Path) -> list[Path]:
    return sorted((run / "cells").glob("*.parquet"))


def truncated(run: Path, _: Path, draw: random.Random) -> Path:
    path = draw.choice(files(run))
    path.write_bytes(path.read_bytes()[: draw.randrange(path.stat().st_size)])
    return path


def overwritten(run: Path, _: Path, draw: random.Random) -> Path:
    """Some bytes in the middle are zeros, as after a crash of the machine."""
    path = draw.choice(files(run))
    data = bytearray(path.read_bytes())
    start = draw.randrange(len(data))
    data[start : start + 512] = bytes(len(data[start : start + 512]))
    path.write_bytes(bytes(data))
    return path


def swapped(run: Path, _: Path, draw: random.Random) -> Path:
    one, two = draw.sample(batches(run), 2)
    first, second = one.read_bytes(), two.read_bytes()
    one.write_bytes(second)
    two.write_bytes(first)
    return one


def foreign(run: Path, stranger: Path, draw: random.Random) -> Path:
    """A file of another run, beside those of this one or in the place of one."""
    path = draw.choice(files(stranger))
    copied = run / path.relative_to(stranger)
    shutil.copyfile(path, copied)
    return copied


def missing(run: Path, _: Path, draw: random.Random) -> Path:
    path = draw.choice(files(run))
    path.unlink()
    return path


@pytest.mark.long
@pytest.mark.parametrize("inflict", [truncated, overwritten, swapped, foreign, missing])
def test_damage(
    inflict: Inflict,
    whole: Path,
    stranger: Path,
    config: Path,
    in_process: InProcess,
    tmp_path: Path,
    record_property: Record,
) -> None:
    expected, run = rows(whole), tmp_path / "run"
    sound = succeeded(in_process("check", whole, "--all")).stdout

    def trial(draw: random.Random) -> str:
        shutil.rmtree(run, ignore_errors=True)
        shutil.copytree(whole, run)
        harmed = inflict(run, stranger, draw)
        where = str(harmed.relative_to(run))
        done = in_process("check", run, "--all")
        if done.returncode == 0:
            # Nothing that is read has changed, or a run of an old release has no manifest.
            assert done.stdout == sound or f"no {where}" in done.stdout, where
        else:
            assert done.returncode == 2, f"{where}: {done.stderr}"
            (line,) = done.stderr.splitlines()
            assert where in line or (not harmed.exists() and str(run) in line), f"{where}: {line}"
        again = in_process("sweep", config, "--out", run)
        if again.returncode == 2:
            # What says which run it is has to be put back by hand, and the message says so.
            assert where in again.stderr or str(run) in again.stderr, again.stderr
            shutil.copyfile(whole / where, harmed)
            again = in_process("sweep", config, "--out", run)
            then = "refused until put back"
        else:
            then = "computed again" if done.returncode else "nothing to be done"
        assert again.returncode == 0, f"{where}: {again.stderr}"
        assert rows(run) == expected, where
        succeeded(in_process("check", run))
        return then

    trials(inflict.__name__, TRIALS, trial, record_property)


@pytest.mark.long
def test_two_writers_at_once(
    verigap: Command, whole: Path, config: Path, tmp_path: Path, record_property: Record
) -> None:
    expected, run = rows(whole), tmp_path / "run"

    def trial(draw: random.Random) -> str:
        shutil.rmtree(run, ignore_errors=True)
        children = []
        for _ in range(2):
            children.append(verigap.start("sweep", config, "--out", run))
            time.sleep(draw.uniform(0, 0.3))
        ends = [(child.communicate(timeout=TIMEOUT)[1], child.returncode) for child in children]
        codes = sorted(code for _, code in ends)
        assert codes in ([0, 0], [0, 2]), ends
        assert all("in use by" in said for said, code in ends if code == 2), ends
        assert rows(run) == expected
        return "one refused" if codes == [0, 2] else "one after the other"

    trials("two writers at once", SLOW_TRIALS, trial, record_property)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, which the size and the mode of can be changed."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = shutil.which("mount")
    if (
        mount is None
        or subprocess.run(
            [mount, "-t", "tmpfs", "-o", "size=16m", "tmpfs", place],
            capture_output=True,
            check=False,
        ).returncode
    ):
        pytest.skip("no file system can be mounted here")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


def remount(disk: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", disk], check=True)


@pytest.mark.long
def test_a_full_file_system(
    verigap: Command, whole: Path, config: Path, disk: Path, record_property: Record
) -> None:
    expected, run = rows(whole), disk / "run"

    def trial(draw: random.Random) -> str:
        remount(disk, "size=16m,rw")
        shutil.rmtree(run, ignore_errors=True)
        # In pages, of which the folder of a run takes some tens.
        remount(disk, f"size={draw.randrange(4, 64)}k")
        done = verigap("sweep", config, "--out", run)
        if done.returncode:
            assert done.returncode == 2, done.stderr
            (line,) = done.stderr.splitlines()[-1:]
            assert "No space left on device" in line, line
            assert "Traceback" not in done.stderr, done.stderr
            assert "free some space" in line, line
        remount(disk, "size=16m")
        succeeded(verigap("sweep", config, "--out", run))
        assert rows(run) == expected
        assert not list(disk.rglob("*.tmp"))
        return "named, then continued" if done.returncode else "room enough"

    trials("file system full", SLOW_TRIALS, trial, record_property)


@pytest.mark.long
def test_a_file_system_that_turns_read_only(
    verigap: Command, whole: Path, config: Path, disk: Path, record_property: Record
) -> None:
    expected, run = rows(whole), disk / "run"

    def trial(draw: random.Random) -> str:
        remount(disk, "rw")
        shutil.rmtree(run, ignore_errors=True)
        shutil.copytree(whole, run)
        for batch in draw.sample(batches(run), draw.randrange(1, 3)):
            batch.unlink()
        remount(disk, "ro")
        done = verigap("sweep", config, "--out", run)
        assert done.returncode == 2, done.stderr
        assert "Read-only file system" in done.stderr, done.stderr
        assert "Traceback" not in done.stderr, done.stderr
        assert verigap("check", run).returncode == 2
        remount(disk, "rw")
        succeeded(verigap("sweep", config, "--out", run))
        assert rows(run) == expected
        remount(disk, "ro")
        succeeded(verigap("check", run))
        return "named, then continued"

    trials("read-only", SLOW_TRIALS, trial, record_property)


@pytest.mark.long
def test_clocks_that_jump(
    whole: Path,
    config: Path,
    in_process: InProcess,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    record_property: Record,
) -> None:
    expected, run = rows(whole), tmp_path / "run"
    true = time.time

    def trial(draw: random.Random) -> str:
        shutil.rmtree(run, ignore_errors=True)
        shutil.copytree(whole, run)
        left = draw.sample(batches(run), draw.randrange(3))
        for batch in left:
            batch.unlink()
        for path in files(run):
            when = true() + draw.uniform(-1e9, 1e9)
            os.utime(path, (when, when))
        with monkeypatch.context() as patch:
            # By up to thirty years, whenever somebody looks.
            patch.setattr(time, "time", lambda: max(1.0, true() + draw.uniform(-1e9, 1e9)))
            succeeded(in_process("sweep", config, "--out", run))
            succeeded(in_process("check", run))
        assert rows(run) == expected
        return "continued" if left else "nothing to be done"

    trials("clock jumps", TRIALS, trial, record_property)
