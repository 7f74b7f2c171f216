"""How long README's first command takes from a clean clone: installing, compiling, computing.

    python -m benchmarks.first_command     # measures, prints, keeps benchmarks/results/…

The commit that is checked out is cloned into an empty folder, and the command is run there twice:
once with no compiled program kept, and once, with its results removed, with those that the first
run left. What is installed in between is no longer missing, so it is timed alone before. Compiling
is what the first run takes longer than the second, and computing what the second takes.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.latency import RESULTS, ROOT, machine

INSTALL = ("make", "setup")
COMMAND = ("make", "run")


def wall_seconds(command: tuple[str, ...], folder: Path, cache: Path) -> float:
    """Seconds by the clock of a command in a folder.

    Args:
      command: with its arguments.
      folder: that it is run in.
      cache: keeps its compiled programs.

    Raises:
      RuntimeError: the command failed; the message ends in what it said.
    """
    environment = {**os.environ, "VERIGAP_CACHE": str(cache)}
    # What started this is a make, or an environment, of its own.
    for name in ("MAKEFLAGS", "MAKELEVEL", "VIRTUAL_ENV", "PYTHONPATH"):
        environment.pop(name, None)
    start = time.monotonic()
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {(done.stderr or done.stdout)[-500:]}")
    return time.monotonic() - start


def split(install: float, cold: float, warm: float) -> dict[str, float]:
    """Seconds of installing, compiling and computing.

    Args:
      install: seconds of the installation.
      cold: of the command with no compiled program kept.
      warm: of the command with all of them kept.

    Example:
      >>> split(50.0, 88.0, 60.0)
      {'install': 50.0, 'compile': 28.0, 'compute': 60.0, 'all': 138.0}
    """
    return {
        "install": install,
        "compile": max(cold - warm, 0.0),
        "compute": warm,
        "all": install + cold,
    }


def measure() -> dict[str, float]:
    """Clone, install, run, and run again."""
    with tempfile.TemporaryDirectory() as folder:
        clone, cache = Path(folder) / "verigap", Path(folder) / "cache"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        install = wall_seconds(INSTALL, clone, cache)
        cold = wall_seconds(COMMAND, clone, cache)
        shutil.rmtree(clone / "runs")
        return split(install, cold, wall_seconds(COMMAND, clone, cache))


def main() -> int:
    """Measure, print, keep."""
    argparse.ArgumentParser(
        prog="python -m benchmarks.first_command",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    ).parse_args()
    load = machine()
    seconds = measure()
    for name, value in seconds.items():
        print(f"{name:<8}{value:>7.0f} s")
    now = datetime.now(UTC)
    content = {"measured": now.isoformat(timespec="seconds"), "machine": load, "seconds": seconds}
    path = RESULTS / f"first-command-{now:%Y%m%dT%H%M%S}.json"
    path.write_text(json.dumps(content, indent=1) + "\n")
    print(f"kept in {path.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
