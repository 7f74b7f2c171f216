"""What a sweep of 10,000 cells spends on everything that is not simulating.

    python -m benchmarks.harness [CELLS]

Half of the cells are of the relabelling game, half of hard prompts, 1,000 replicates each. The time
within compiled programs, called and waited for, is the simulation's; all else is the harness's:
reading the configuration, hashing, planning, moving numbers, Parquet, the disk. What compiles is
compiled before, as compiling would only make the harness's share smaller.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

CELLS, REPLICATES = 10_000, 1000
TARGET = 0.2
"""Share of the time that the harness may take."""

_SIDE = 50


def config(cells: int) -> dict[str, Any]:
    """A sweep of so many cells, a multiple of 100."""
    depth = cells // 2 // _SIDE
    horizons = [64 + 4 * step for step in range(_SIDE)]
    budgets = [80 + step for step in range(depth)]
    blocks = [
        {"name": "two-level", "law": {"family": "two-level"}, "log2_class_size": 20},
        {"name": "hard-prompts", "game": "hard-prompts", "log2_class_size": 8, "c0": 0.25},
    ]
    grid = {"horizon": horizons, "data_budget": budgets}
    return {"replicates": REPLICATES, "sweeps": [{**block, "grid": grid} for block in blocks]}


class Stopwatch:
    """Seconds within the functions that it is put around."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def around(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, which is waited for."""
        import jax

        def timed(*arguments: Any, **named: Any) -> Any:
            start = time.perf_counter()
            result = jax.block_until_ready(function(*arguments, **named))
            self.seconds += time.perf_counter() - start
            return result

        return timed


def measured(folder: Path, cells: int = CELLS) -> dict[str, Any]:
    """Seconds of a sweep into a run folder, of these within programs, and files of cells."""
    from verigap.sim.sweeps import batches, run_sweep, sweep_from

    stopwatch = Stopwatch()
    programs = {name: getattr(batches, name) for name in ("simulate_cells", "hard_prompt_risks")}
    for name, function in programs.items():
        setattr(batches, name, stopwatch.around(function))
    try:
        run_sweep(sweep_from(config(100)), folder / "compiled")
        stopwatch.seconds = 0.0
        start = time.perf_counter()
        outcome = run_sweep(sweep_from(config(cells)), folder / "run")
        seconds = time.perf_counter() - start
    finally:
        for name, function in programs.items():
            setattr(batches, name, function)
    assert (outcome.cells, outcome.failed) == (cells, 0)
    return {
        "cells": cells,
        "seconds": seconds,
        "program_seconds": stopwatch.seconds,
        "harness_share": 1.0 - stopwatch.seconds / seconds,
        "files": len(list((folder / "run" / "cells").iterdir())),
    }


def main() -> int:
    """Measure and print; exit 1 where the harness takes too much."""
    cells = int(sys.argv[1]) if len(sys.argv) > 1 else CELLS
    with tempfile.TemporaryDirectory() as folder:
        found = measured(Path(folder), cells)
    print(json.dumps(found, indent=1))
    return 0 if found["harness_share"] < TARGET else 1


if __name__ == "__main__":
    from verigap.cli.options import prepare_jax

    prepare_jax()
    sys.exit(main())
