"""Fuzzing of every target in processes of their own, with a table of what was seen."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
_ENGINE = (1, 77)
"""What libFuzzer ends with, now and then in the midst of an input that is not to blame."""
BUSY, STUCK = 30.0, 180.0
"""Seconds of processor time, and in all, after which an input is taken never to end.

On a machine with other work a process may wait for long.
"""


@dataclass
class Account:
    """What became of the inputs of a target; `slowest` is in seconds of processor time."""

    target: str
    inputs: int = 0
    accepted: int = 0
    refused: int = 0
    slowest: float = 0.0
    defects: dict[str, Path] = field(default_factory=dict)

    def add(self, folder: Path) -> None:
        """Count in what a process left in its folder."""
        counts = folder / "counts.json"
        if counts.exists():
            found = json.loads(counts.read_text())
            self.inputs += found["inputs"]
            self.accepted += found["accepted"]
            self.refused += found["refused"]
            self.slowest = max(self.slowest, found["slowest"])
        for report in sorted(folder.glob("defects/*.txt")):
            problem = report.read_text(errors="replace").partition("\n")[0]
            self.defects.setdefault(problem, report.with_suffix(""))


def fuzz(
    target: str, seconds: float, folder: Path, *, guided: bool, seed: int = 0,
    module: str = "tests.fuzz.child",
) -> Account:  # fmt: skip
    """Fuzz one target; a process that an input brings down or holds up is followed by another.

    Args:
      target: its name.
      seconds: how long, without what it takes to start.
      folder: made; whatever is found lies there.
      guided: whether by Atheris.
      seed: of the mutations.
      module: what the processes run.
    """
    account, left, number = Account(target), seconds, 0
    while left > 0.5 and number < 50:
        at = folder / str(number)
        at.mkdir(parents=True)
        began = time.monotonic()
        words = [module, target, "--folder", at, "--seed", seed + 1000 * number, "--seconds", left]
        words += ["--guided"] if guided else []
        with (at / "stderr").open("wb") as stderr:
            child = subprocess.Popen(
                [sys.executable, "-m", *map(str, words)],
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
                stdout=subprocess.DEVNULL,
                stderr=stderr,
            )
            stuck = _watch(child, at / "current")
        problem = _ending(child.returncode, stuck, at)
        if guided and child.returncode in _ENGINE and _survives(module, target, at):
            problem = None
        account.add(at)
        if problem is not None:
            account.defects.setdefault(problem, at / "current")
        if (at / "done").exists() or not (at / "counts.json").exists():
            break
        left -= max(time.monotonic() - began, 1.0)
        number += 1
    return account


def _survives(module: str, target: str, folder: Path) -> bool:
    """Whether a process without Atheris gets through the last input."""
    if not (folder / "current").exists():
        return False
    words = [module, target, "--folder", folder, "--input", folder / "current"]
    done = subprocess.run(
        [sys.executable, "-m", *map(str, words)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        timeout=STUCK,
        check=False,
    )
    return done.returncode in (0, 1)


def _watch(child: subprocess.Popen[bytes], current: Path) -> bool:
    """Wait for a process; whether it had to be killed over one input."""
    seen, since, used = 0.0, time.monotonic(), 0.0
    try:
        while True:
            try:
                child.wait(timeout=0.2)
                return False
            except subprocess.TimeoutExpired:
                written = current.stat().st_mtime if current.exists() else 0.0
                if written != seen:
                    seen, since, used = written, time.monotonic(), _processor_time(child.pid)
                busy = seen and _processor_time(child.pid) - used > BUSY
                if busy or time.monotonic() - since > (STUCK if seen else 4 * STUCK):
                    return True
    finally:
        if child.poll() is None:
            child.kill()
            child.wait()


def _processor_time(pid: int) -> float:
    """Seconds that a process has computed; 0 where that is not known."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _ending(code: int, stuck: bool, folder: Path) -> str | None:
    """Why a process did not end as it should have."""
    if stuck:
        return f"no answer within {BUSY:.0f} s of processor time, or {STUCK:.0f} s in all"
    if code == 0 or (folder / "done").exists():
        return None
    lines = (folder / "stderr").read_text(errors="replace").splitlines()
    said = [line for line in lines if re.search(r"panick|alloc|Error|abort|fault", line)]
    name = signal.Signals(-code).name if code < 0 else f"exit code {code}"
    return f"the process died: {name} ({(said or [''])[-1].strip()[:160]})"


def table(accounts: Sequence[Account]) -> str:
    """One line a target, and one a defect."""
    rows = [("target", "inputs", "refused", "accepted", "slowest s", "defects")]
    rows += [
        (a.target, f"{a.inputs:,}", f"{a.refused:,}", f"{a.accepted:,}", f"{a.slowest:.2f}",
         str(len(a.defects)))
        for a in accounts
    ]  # fmt: skip
    total = f"{sum(a.inputs for a in accounts):,}"
    rows.append(("all", total, f"{sum(a.refused for a in accounts):,}",
                 f"{sum(a.accepted for a in accounts):,}",
                 f"{max((a.slowest for a in accounts), default=0):.2f}",
                 str(sum(len(a.defects) for a in accounts))))  # fmt: skip
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join([row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:],
                                                                        strict=True))])
        for row in rows
    ]  # fmt: skip
    for account in accounts:
        lines += [f"{account.target}: {problem}: {path}"
                  for problem, path in account.defects.items()]  # fmt: skip
    return "\n".join(lines)
