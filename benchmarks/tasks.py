"""What is measured; each task runs in a process of its own, so that its peak memory is its own."""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

from benchmarks import enumeration, fit, harness, importing, transformer

CELLS, REPLICATES, LARGEST_N = 1000, 1000, 4096
_CLASS_SIZES = (12, 48)


def _budgets() -> list[int]:
    step = LARGEST_N / CELLS
    return [max(4, round(step * (index + 1))) for index in range(CELLS)]


def _sweep_config(log2_class_size: int, cells: int) -> str:
    budgets = _budgets()[:: CELLS // cells]
    return json.dumps(
        {
            "replicates": REPLICATES,
            "learners": ["vf-bayes"],
            "sweeps": [
                {
                    "name": "bench",
                    "law": {"family": "two-level"},
                    "horizon": 64,
                    "log2_class_size": log2_class_size,
                    "zip": {
                        "data_budget": budgets,
                        "expert": [_tilt(log2_class_size, n) ** 2 for n in budgets],
                    },
                }
            ],
        }
    )


def _tilt(log2_class_size: int, data_budget: int) -> float:
    """The interesting tilt: n times the information of a trace is d ln 2."""
    return min(0.95, (log2_class_size * 0.693 / data_budget) ** 0.5)


def _run_sweep(folder: Path, log2_class_size: int, cells: int) -> float:
    """Seconds of a whole sweep as a user gets it: config, simulation, stored run."""
    from verigap.sim.sweeps.cells import load_sweep
    from verigap.sim.sweeps.run import run_sweep

    config = folder / f"bench-{log2_class_size}-{time.monotonic_ns()}.yaml"
    config.write_text(_sweep_config(log2_class_size, cells))
    start = time.perf_counter()
    run_sweep(load_sweep(config), folder / config.stem)
    return time.perf_counter() - start


def sweep(folder: Path) -> dict[str, object]:
    """1,000 cells, compilation included, then three times more with the program compiled."""
    times = [_run_sweep(folder, 40, CELLS) for _ in range(4)]
    return {"first": times[0], "again": times[1:]}


def numpy(folder: Path) -> dict[str, object]:
    """The same cells in plain NumPy on one core."""
    import numpy as np

    from benchmarks.numpy_vf_bayes import bayes_risk

    times = []
    for repeat in range(3):
        rng = np.random.default_rng(repeat)
        start = time.perf_counter()
        for budget in _budgets():
            bayes_risk(rng, 40, budget, _tilt(40, budget), REPLICATES)
        times.append(time.perf_counter() - start)
    return {"again": times}


def class_size(folder: Path) -> dict[str, object]:
    """200 cells at d = 12 and at d = 48 in turn, compiled, so that drift hits both alike."""
    for size in _CLASS_SIZES:
        _run_sweep(folder, size, 200)
    pairs = [[_run_sweep(folder, size, 200) for size in _CLASS_SIZES] for _ in range(7)]
    return {"pairs": pairs}


TASKS = {
    "sweep": sweep,
    "numpy": numpy,
    "class_size": class_size,
    "enumeration": enumeration.against_bayes,
    "exact": enumeration.exact_against_drawn,
    "harness": harness.measured,
    "training": transformer.training,
    "sampling": transformer.sampling,
    "import": importing.million,
    "import_graded": importing.million_graded,
    "fit": fit.ours,
    "fit_plain": fit.plain,
}


def main() -> None:
    """Run one task and print its result with the peak memory of the process (MiB)."""
    name, folder = sys.argv[1], Path(sys.argv[2])
    result = TASKS[name](folder)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({**result, "peak_mib": peak}))


if __name__ == "__main__":
    from verigap.cli.options import prepare_jax

    prepare_jax()
    main()
