"""One bit of one file of a run folder is turned: it is named, or it changes nothing.

`VERIGAP_FLIPS` says how many bits are turned in the campaign of `make test-long`.
"""

from __future__ import annotations

import os
import random
import shutil
from collections import Counter
from pathlib import Path

import pytest

from tests.cli.command import InProcess, succeeded
from tests.cli.fault_trials import CHAOS, Record, row

FLIPS = int(os.environ.get("VERIGAP_FLIPS", "200"))
FEW = 12


def flipped(run: Path, folder: Path, rng: random.Random) -> tuple[Path, str]:
    """A copy of the run in which one bit of one file is turned, and the name of that file."""
    copy = folder / "run"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(run, copy)
    files = sorted(path for path in copy.rglob("*") if path.is_file() and path.stat().st_size)
    path = rng.choice(files)
    data = bytearray(path.read_bytes())
    place = rng.randrange(8 * len(data))
    data[place // 8] ^= 1 << place % 8
    path.write_bytes(bytes(data))
    return copy, path.name


def flips(run: Path, folder: Path, in_process: InProcess, moments: int, seed: int) -> Counter[str]:
    """What `verigap check` makes of each; a difference that is not named fails."""
    rng, seen = random.Random(seed), Counter[str]()
    whole = succeeded(in_process("check", run, "--all"))
    for _ in range(moments):
        copy, name = flipped(run, folder, rng)
        done = in_process("check", copy, "--all")
        if done.returncode == 2:
            (line,) = done.stderr.splitlines()
            assert line.startswith("verigap: ")
            assert name in line
            seen[f"named: {Path(name).suffix}"] += 1
        else:
            assert (done.returncode, done.stdout) == (whole.returncode, whole.stdout), name
            seen[f"changes nothing: {name}"] += 1
    return seen


def test_a_few_bits(mixed_run: Path, in_process: InProcess, tmp_path: Path) -> None:
    seen = flips(mixed_run, tmp_path, in_process, FEW, seed=1)
    assert seen.total() == FEW
    assert any(kind.startswith("named") for kind in seen)


@pytest.mark.long
def test_many_bits(
    mixed_run: Path, in_process: InProcess, tmp_path: Path, record_property: Record
) -> None:
    seen = flips(mixed_run, tmp_path, in_process, FLIPS, seed=2)
    record_property(CHAOS, row("a bit turned", FLIPS, FLIPS, seen))


def test_no_file_is_beyond_notice(mixed_run: Path, in_process: InProcess, tmp_path: Path) -> None:
    """Every kind of file is looked at: a cut one is named."""
    kinds = {path.name if path.parent == mixed_run else path.suffix: path
             for path in sorted(mixed_run.rglob("*")) if path.is_file()}  # fmt: skip
    named = set()
    for kind, path in kinds.items():
        copy = tmp_path / "run"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(mixed_run, copy)
        cut = copy / path.relative_to(mixed_run)
        cut.write_bytes(cut.read_bytes()[:-3])
        done = in_process("check", copy)
        if done.returncode == 2 and cut.name in done.stderr:
            named.add(kind)
    assert named >= {"config.yaml", "provenance.json", "manifest.json", ".parquet"}
