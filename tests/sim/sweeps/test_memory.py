"""What a sweep has computed does not stay in memory."""

import subprocess
import sys
from pathlib import Path

# Rows of 62 KiB each, by an engine that has them at once. VmHWM is the process's own, where
# `ru_maxrss` begins with that of the parent.
CHILD = """
import re, sys
from contextlib import nullcontext
from pathlib import Path
from verigap.sim.sweeps import run_sweep, sweep_from
from verigap.sim.sweeps.engine import Result

class Engine:
    def opened(self):
        return nullcontext(self)
    def provenance(self):
        return {}
    def results(self, works, steps):
        for number, work in enumerate(works):
            values = [number + place / 7 for place in range(2000)]
            rows = [{**cell.identity, "values": values} for cell in work.cells]
            yield Result(work=work, rows=rows)

grid = {"horizon": [*range(1, 61)], "data_budget": [*range(8, 58)]}
block = {"name": "a", "game": "hard-prompts", "log2_class_size": 4, "c0": 0.5, "grid": grid}
sweep = sweep_from({"sweeps": [block]})
peaks = []
def report(progress):
    if progress.done >= len(sweep.cells) // 10:
        peaks.append(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])
outcome = run_sweep(sweep, sys.argv[1], report=report, engine=Engine())
assert (outcome.cells, outcome.failed) == (3000, 0)
print(peaks[0], peaks[-1])
"""
# Seen: 9 to 35, and 200 or more where every result is kept.
MORE_MIB = 100


def test_the_peak_is_that_of_the_first_tenth_of_the_cells(tmp_path: Path) -> None:
    command = [sys.executable, "-c", CHILD, str(tmp_path / "run")]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    early, late = (int(peak) / 1024 for peak in done.stdout.split())
    assert late - early < MORE_MIB, (early, late)
