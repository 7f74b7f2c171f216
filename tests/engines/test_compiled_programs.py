"""The cache of compiled programs: what a second command need not compile, and what may go wrong."""

import itertools
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from verigap.engines.compiled_programs import ProgramStore

BOUNDS = ("bounds", "--law", "two-level", "--tilt", "0.3", "--horizon", "64", "--n", "32",
          "--log2-class", "8")  # fmt: skip

# Says on standard error how many programs came from the cache and how many were compiled.
COUNTED = """
import sys
import jax
counts = {{"hits": 0, "misses": 0}}
def listen(event, **_):
    if event.startswith("/jax/compilation_cache/cache_"):
        counts[event.removeprefix("/jax/compilation_cache/cache_")] += 1
jax.monitoring.register_event_listener(listen)
{program}
print(counts["hits"], counts["misses"], file=sys.stderr)
"""
COMMAND = "from verigap.cli.main import app; app(sys.argv[1:], standalone_mode=False)"
# As every command that computes begins, with a program that is compiled in no time.
SMALL = """
from verigap.cli.options import prepare_jax
prepare_jax()
print(jax.jit(lambda x: x + 1.0)(2.0))
"""


def ask(folder: object, program: str = SMALL, **environment: str) -> tuple[str, list[int]]:
    """What a program prints, and how many programs were found and compiled."""
    done = subprocess.run(
        [sys.executable, "-c", COUNTED.format(program=program), *BOUNDS],
        env={**os.environ, "VERIGAP_CACHE": str(folder), **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout, [int(count) for count in done.stderr.split()]


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def damaged(whole: bytes, damage: str) -> bytes:
    half = len(whole) // 2
    flipped = whole[:half] + bytes([whole[half] ^ 1]) + whole[half + 1 :]
    return {"cut": whole[:half], "flipped": flipped, "emptied": b""}[damage]


DAMAGES = ("cut", "flipped", "emptied")


@pytest.mark.long
def test_a_command_compiles_nothing_a_second_time_but_what_was_damaged(tmp_path: Path) -> None:
    first, (found, compiled) = ask(tmp_path, COMMAND)
    assert "VF-LOWER" in first
    assert found == 0
    # One answer needs no more; the formulas of the bounds are evaluated without compiling.
    assert len(DAMAGES) <= compiled <= 6
    assert len(files(tmp_path)) == compiled
    assert ask(tmp_path, COMMAND) == (first, [compiled, 0])
    for path, damage in zip(files(tmp_path), itertools.cycle(DAMAGES), strict=False):
        path.write_bytes(damaged(path.read_bytes(), damage))
    assert ask(tmp_path, COMMAND) == (first, [0, compiled])
    assert ask(tmp_path, COMMAND) == (first, [compiled, 0])


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_program_is_removed(tmp_path: Path, damage: str) -> None:
    store = ProgramStore(tmp_path)
    store.put("program", bytes(range(200)))
    assert store.get("program") == bytes(range(200))
    (path,) = files(tmp_path)
    path.write_bytes(damaged(path.read_bytes(), damage))
    assert store.get("program") is None
    assert files(tmp_path) == []


def test_it_can_be_off_or_the_users_own(tmp_path: Path) -> None:
    home = {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    assert ask("off", **home) == ("3.0\n", [0, 0])
    assert not files(tmp_path)
    own = tmp_path / "own"
    # JAX itself keeps what takes a second to compile.
    always = {"JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0"}
    _, (_, compiled) = ask(tmp_path / "ours", JAX_COMPILATION_CACHE_DIR=str(own), **always, **home)
    assert compiled >= 1
    assert files(own)
    assert not (tmp_path / "ours").exists()


def test_the_users_cache_folder_is_the_default(tmp_path: Path) -> None:
    # An empty variable says nothing, as elsewhere.
    _, (_, compiled) = ask("", HOME=str(tmp_path), XDG_CACHE_HOME=str(tmp_path / "cache"))
    kept = files(tmp_path)
    assert len(kept) == compiled >= 1
    assert all("verigap" in path.parts for path in kept)


def test_a_folder_that_others_may_write_is_left_alone(tmp_path: Path) -> None:
    _, (_, compiled) = ask(tmp_path)
    assert compiled >= 1
    (folder,) = tmp_path.iterdir()
    folder.chmod(0o777)
    before = {path: path.stat().st_mtime_ns for path in files(tmp_path)}
    assert ask(tmp_path) == ("3.0\n", [0, 0])
    assert {path: path.stat().st_mtime_ns for path in files(tmp_path)} == before


def test_a_folder_that_cannot_be_made_is_done_without(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert ask(tmp_path / "file") == ("3.0\n", [0, 0])


def test_the_folder_stays_small_by_losing_what_was_used_longest_ago(tmp_path: Path) -> None:
    store = ProgramStore(tmp_path, most_bytes=10_000)
    for index in range(9):
        store.put(f"program-{index}", bytes(1000))
        os.utime(tmp_path / f"program-{index}", (index, index))
    store.get("program-0")
    for index in range(9, 12):
        store.put(f"program-{index}", bytes(1000))
    left = {path.name for path in files(tmp_path)}
    assert sum(path.stat().st_size for path in files(tmp_path)) <= 10_000
    assert left == {"program-0", *(f"program-{index}" for index in range(4, 12))}


def test_what_a_killed_process_was_writing_is_removed(tmp_path: Path) -> None:
    old, new = tmp_path / ".writing-old", tmp_path / ".writing-new"
    for path in (old, new):
        path.write_bytes(b"half")
    long_ago = time.time() - 2 * 3600
    os.utime(old, (long_ago, long_ago))
    ProgramStore(tmp_path).put("program", b"whole")
    assert {path.name for path in files(tmp_path)} == {"program", ".writing-new"}


def test_processes_that_are_killed_leave_only_whole_programs(tmp_path: Path) -> None:
    forever = (
        "import sys\n"
        "from pathlib import Path\n"
        "from verigap.engines.compiled_programs import ProgramStore\n"
        "store = ProgramStore(Path(sys.argv[1]))\n"
        "print(flush=True)\n"
        "while True:\n"
        "    for key in range(8):\n"
        "        store.put(str(key), bytes([key]) * 200_000)\n"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", forever, tmp_path], stdout=subprocess.PIPE)
        for _ in range(3)
    ]
    for process in processes:
        assert process.stdout is not None
        process.stdout.readline()
    store = ProgramStore(tmp_path)
    until = time.monotonic() + 1.0
    seen = set()
    while time.monotonic() < until:
        for key in range(8):
            value = store.get(str(key))
            assert value in (None, bytes([key]) * 200_000)
            seen |= {key} if value else set()
    for process in processes:
        process.kill()
        process.communicate()
    assert seen == set(range(8))
    assert all(store.get(str(key)) == bytes([key]) * 200_000 for key in range(8))
