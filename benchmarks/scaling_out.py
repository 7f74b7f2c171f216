"""Cells a second of one sweep by Ray and by the local engine.

    .venv-ray/bin/python -m benchmarks.scaling_out [CPUS ...]

Of each run the seconds of all of it are told, and the pace once every worker has done a batch of
the sweep's one program, which leaves out starting and compiling.
"""

from __future__ import annotations

import os
import sys
import time

os.environ.setdefault("JAX_ENABLE_X64", "1")

from verigap.engines import LocalEngine, RayEngine
from verigap.sim.sweeps import run_in_memory, sweep_from
from verigap.sim.sweeps.engine import Engine
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


def measured(engine: Engine, workers: int) -> tuple[float, float]:
    """Seconds of a run, and cells a second once every worker has done a batch."""
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
    return seconds, (CELLS - counts[workers - 1]) / (last - first)


def main() -> None:
    """Print a row for each engine."""
    engines: list[tuple[str, Engine, int]] = [
        (f"ray, {cpus} CPU{'s' * (cpus > 1)}", RayEngine(cpus=cpus), cpus)
        for cpus in map(int, sys.argv[1:] or ("1", "2"))
    ]
    # Last, as JAX has threads from then on, and Ray's processes are forked.
    engines.append(("local", LocalEngine(), 1))
    print("| engine | seconds | cells a second after the start |\n|---|---|---|")
    for name, engine, workers in engines:
        seconds, rate = measured(engine, workers)
        print(f"| {name} | {seconds:.1f} | {rate:.1f} |", flush=True)


if __name__ == "__main__":
    main()
