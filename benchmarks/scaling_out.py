"""Cells a second of one sweep by Ray and by the local engine, in turns.

    .venv-ray/bin/python -m benchmarks.scaling_out [ROUNDS] [CPUS ...]

Every round runs the sweep once by each engine, each run in a process of its own, so that what else
the machine does slows all of them alike. Of a run the pace is told once every worker has done a
batch of the sweep's one program, which leaves out starting and compiling; of an engine the median
pace, and the median and the range over rounds of its ratio to the local engine in the same round.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from typing import NamedTuple

os.environ.setdefault("JAX_ENABLE_X64", "1")

from verigap.engines import LocalEngine, RayEngine
from verigap.sim.sweeps import run_in_memory, sweep_from
from verigap.storage.progress import Progress

CELLS = 256
CONFIG = {
    "replicates": 5000,
    "sweeps": [
        {
            "name": "scaling-out",
            "law": {"family": "two-level"},
            "log2_class_size": 40,
            "data_budget": 64,
            "grid": {"horizon": [*range(64, 64 + CELLS)]},
        }
    ],
}
ONE_RUN = "--one"
LOCAL = "local"


class Measured(NamedTuple):
    """A run: its seconds, and its cells a second once every worker has done a batch."""

    seconds: float
    rate: float


def engine_names(cpus: list[int]) -> list[str]:
    """Those that are compared."""
    return [LOCAL, *(f"ray, {count} CPU{'s' * (count > 1)}" for count in cpus)]


def measured(name: str) -> Measured:
    """Run the sweep in this process."""
    workers = int(name.split()[1]) if name.startswith("ray") else 1
    engine = RayEngine(cpus=workers) if name.startswith("ray") else LocalEngine()
    done: list[tuple[float, int]] = []

    def note(progress: Progress) -> None:
        done.append((time.monotonic(), progress.done))

    began = time.monotonic()
    run = run_in_memory(sweep_from(CONFIG), report=note, engine=engine)
    seconds = time.monotonic() - began
    assert len(run.rows()) == CELLS
    counts = sorted({count for _, count in done if count})
    first = next(at for at, count in done if count == counts[workers - 1])
    last = next(at for at, count in done if count == CELLS)
    return Measured(seconds, (CELLS - counts[workers - 1]) / (last - first))


def measured_apart(name: str) -> Measured:
    """Run the sweep in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.scaling_out", ONE_RUN, name]
    said = subprocess.run(command, check=True, capture_output=True, text=True)
    return Measured(*json.loads(said.stdout))


def main() -> None:
    """Print a row for each engine."""
    if sys.argv[1:2] == [ONE_RUN]:
        sys.stdout.write(json.dumps(measured(sys.argv[2])))
        return
    rounds, *cpus = map(int, sys.argv[1:] or ("5",))
    names = engine_names(cpus or [1, 2])
    runs: dict[str, list[Measured]] = {name: [] for name in names}
    for _ in range(rounds):
        for name in names:
            runs[name].append(measured_apart(name))
    print(f"{rounds} rounds of {CELLS} cells")
    print(
        f"| engine | seconds | cells a second after the start | times {LOCAL} |\n|---|---|---|---|"
    )
    for name in names:
        ratios = [run.rate / one.rate for run, one in zip(runs[name], runs[LOCAL], strict=True)]
        seconds, rate = (statistics.median(each) for each in zip(*runs[name], strict=True))
        spread = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        print(f"| {name} | {seconds:.1f} | {rate:.1f} | {spread} |", flush=True)


if __name__ == "__main__":
    main()
