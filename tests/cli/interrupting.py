"""Commands that are interrupted at random moments, again and again until they are done."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.cli.command import TIMEOUT, Command, succeeded

KINDS = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)
CONTINUES = "verigap: interrupted; the same command continues where it stopped\n"
PLAIN = "verigap: interrupted\n"


@dataclass(frozen=True, kw_only=True)
class Work:
    """A command that writes something.

    Attributes:
      verigap: the program.
      arguments: what it is asked, given the folder that everything it writes lies in.
      result: what it has written there, as anything that can be compared.
      line: what it says when it is interrupted.
      environment: set for it.
    """

    verigap: Command
    arguments: Callable[[Path], tuple[object, ...]]
    result: Callable[[Path], object]
    line: str
    environment: Mapping[str, str] = field(default_factory=dict)

    def start(self, folder: Path) -> subprocess.Popen[str]:
        """Start it, and return once it listens to signals."""
        child = self.verigap.start(*self.arguments(folder), cwd=folder, env=self.environment)
        deadline = time.monotonic() + TIMEOUT
        while child.poll() is None and not _listens(child.pid):
            assert time.monotonic() < deadline
            time.sleep(0.001)
        return child

    def finish(self, folder: Path) -> object:
        """Run it to its end in a folder, and return what it has written."""
        succeeded(self.verigap(*self.arguments(folder), cwd=folder, env=self.environment))
        return self.result(folder)


def _listens(pid: int) -> bool:
    """Whether a process has a handler of SIGTERM; where that cannot be told, after a moment."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        time.sleep(0.2)
        return True
    caught = next((line for line in lines if line.startswith("SigCgt:")), "SigCgt: 0")
    return bool(int(caught.split()[1], 16) >> (signal.SIGTERM - 1) & 1)


def campaign(
    work: Work,
    folder: Path,
    moments: int,
    seed: int,
    kinds: Sequence[signal.Signals] = KINDS,
) -> Counter[str]:
    """Interrupt a command at so many random moments, and let it go on after each of them.

    Whenever it is done, what it has written is compared with that of a run in one go, and it is
    started anew. Every interrupt has to end as `Work.line` says, but for SIGKILL, of which a
    process cannot say anything.

    Args:
      work: the command.
      folder: an empty one.
      moments: how many interrupts.
      seed: of the moments.
      kinds: of the interrupts, in turn.

    Returns:
      What was seen, by signal and exit code, with the number of runs that were completed.
    """
    draw = random.Random(f"interrupts {seed}")
    (whole := folder / "whole").mkdir(parents=True)
    began = time.monotonic()
    expected = work.finish(whole)
    seconds = longest = time.monotonic() - began
    left = sorted(path.name for path in whole.iterdir())
    seen: Counter[str] = Counter()
    (broken := folder / "broken").mkdir()
    sent = 0
    while sent < moments:
        kind = kinds[sent % len(kinds)]
        child = work.start(broken)
        time.sleep(draw.uniform(0.0, seconds))
        in_time = child.poll() is None
        if in_time:
            child.send_signal(kind)
            sent += 1
        # Most should be in time, and runs that go on are shorter than the first.
        seconds = min(longest, 1.05 * seconds) if in_time else 0.9 * seconds
        _, stderr = child.communicate(timeout=TIMEOUT)
        code = child.returncode
        seen[f"{kind.name} {code}" if in_time else "too late"] += 1
        if code == 0:
            assert work.result(broken) == expected
            assert sorted(path.name for path in broken.iterdir()) == left
            seen["completed"] += 1
            shutil.rmtree(broken)
            broken.mkdir()
        elif kind is signal.SIGKILL:
            assert code == -signal.SIGKILL, f"{code}: {stderr}"
        else:
            assert (code, stderr) == (128 + kind, work.line), f"{code}: {stderr}"
    assert work.finish(broken) == expected
    assert sorted(path.name for path in broken.iterdir()) == left
    seen["completed"] += 1
    return seen
