"""What a cell of a sweep costs one core, and what a phase diagram of a million cells would.

    python -m benchmarks.cost_model        # measures, prints, keeps benchmarks/results/cost-…

Processor seconds of cells whose programs are compiled, in a process that may use one core: at one
setting of each game, and with one quantity at a time made larger. Beside them, what the process
that stores spends on a cell, whoever computes it.
"""

from __future__ import annotations

import gc
import json
import math
import os
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.latency import RESULTS, ROOT, machine

MILLION = 1_000_000
KEPT = ROOT / "docs" / "runs" / "quickstart"
_REPEATS = 3
_STORED = 5000
_TRAINING = {"steps": 60, "batch": 32, "rate": 0.003}

Values = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Game:
    """A setting of a game, and what is made larger.

    Attributes:
      name: in tables.
      base: the setting; `replicates` is that of the sweep.
      larger: quantities and their larger values.
      cells: so many share a call.
    """

    name: str
    base: Values
    larger: Values
    cells: int

    def settings(self) -> Iterator[tuple[str, Values]]:
        """What is larger, and the setting; first the one where nothing is."""
        yield "", self.base
        for name, value in self.larger.items():
            yield name, {**self.base, name: value}


def _prompts(number: int) -> Values:
    """A law of so many prompts with 16 traces each, from failure to full reward."""
    rows = [[(place * (prompt + 1) % 16) / 15 for place in range(16)] for prompt in range(number)]
    return {"family": "returns", "returns": rows}


GAMES = (
    Game(
        name="relabelling",
        base={
            "law": {"family": "two-level"}, "horizon": 256, "data_budget": 256,
            "log2_class_size": 12, "replicates": 1000,
        },
        larger={"data_budget": 4096, "horizon": 4096, "log2_class_size": 48, "replicates": 4000},
        cells=32,
    ),
    Game(
        name="relabelling, 4 prompts",
        base={
            "law": _prompts(4), "horizon": 256, "data_budget": 256, "log2_class_size": 12,
            "replicates": 250,
        },
        larger={"law": _prompts(16), "replicates": 1000},
        cells=4,
    ),
    Game(
        name="hard prompts",
        base={
            "game": "hard-prompts", "c0": 0.25, "horizon": 256, "data_budget": 512,
            "log2_class_size": 16, "replicates": 1000,
        },
        larger={"data_budget": 4096, "horizon": 4096, "log2_class_size": 128, "replicates": 4000},
        cells=1,
    ),
    Game(
        name="planted",
        base={
            "game": "planted", "family": "high", "vocabulary": 4, "longest": 16, "horizon": 8,
            "data_budget": 64, "width": 16, "layers": 1, "samples": 32, "held_out": 4,
            "pretraining": {"steps": 100, "batch": 64, "rate": 0.01},
            "cloning": _TRAINING, "verifier": _TRAINING, "replicates": 2,
        },
        larger={
            "data_budget": 256, "horizon": 16,
            "cloning": {**_TRAINING, "steps": 240},
        },
        cells=1,
    ),
)  # fmt: skip


def seconds_a_cell(game: Game, setting: Values) -> float:
    """Processor seconds of a cell, the least of several calls of a compiled program."""
    from verigap.sim.sweeps import sweep_from
    from verigap.sim.sweeps.jobs import works
    from verigap.sim.sweeps.steps import Steps

    parameters = {name: value for name, value in setting.items() if name != "replicates"}
    # Cells that differ in nothing that costs.
    grid = {"failure_probability": [0.01 + 0.01 * step for step in range(game.cells)]}
    block = {"name": "cost", **parameters}
    if parameters.get("game") != "planted":
        block["grid"] = grid
    sweep = sweep_from({"replicates": setting["replicates"], "sweeps": [block]})
    with tempfile.TemporaryDirectory() as folder:
        steps = Steps(lambda _: None, len(sweep.cells))
        work = next(works(sweep, sweep.cells, Path(folder), steps))
        job = work.prepare(lambda _: None)
        job(lambda _: None)
        taken = []
        for _ in range(_REPEATS):
            start = time.process_time()
            job(lambda _: None)
            taken.append(time.process_time() - start)
    assert len(work.cells) == game.cells
    return min(taken) / len(work.cells)


class _Answering:
    """An engine that has computed everything already."""

    def __init__(self, row: Values) -> None:
        self._row = row

    def opened(self) -> AbstractContextManager[_Answering]:
        return nullcontext(self)

    def provenance(self) -> dict[str, object]:
        return {}

    def results(self, works: Iterable[Any], steps: Any) -> Generator[Any, None, None]:
        from verigap.sim.sweeps.engine import Result

        for work in works:
            rows = [{**self._row, **cell.identity} for cell in work.cells]
            yield Result(work=work, rows=rows)


def storing() -> dict[str, float]:
    """What a cell of the first game takes of the process that stores, whoever computes it.

    Returns:
      `seconds` of processor time to lay it out, plan and store it, and KiB: `laid_out` in memory,
      and of a cell of a kept run `stored` in its folder, `read` in a table, and as a `dictionary`,
      which `check` makes of it.
    """
    from verigap.sim.sweeps import run_in_memory, run_sweep, sweep_from
    from verigap.storage import RunStore

    block = {name: value for name, value in GAMES[0].base.items() if name != "replicates"}
    sweep = {"replicates": 1000, "sweeps": [{"name": "cost", **block}]}
    (row,) = run_in_memory(sweep_from(sweep)).rows()
    del block["horizon"], block["data_budget"]
    side = _STORED // 50
    grid = {"horizon": [*range(64, 64 + side)], "data_budget": [*range(64, 114)]}
    config = {"replicates": 1000, "sweeps": [{"name": "c", "grid": grid, **block}]}
    with tempfile.TemporaryDirectory() as folder:
        start = time.process_time()
        many = sweep_from(config)
        run_sweep(many, f"{folder}/run", engine=_Answering(row))
        seconds = time.process_time() - start
    cells, table = len(many.cells), RunStore.read_only(KEPT).read_cells()
    files = sum(path.stat().st_size for path in (KEPT / "cells").iterdir())
    return {
        "seconds": seconds / cells,
        "laid_out": _allocated(lambda: sweep_from(config)) / cells / 1024,
        "stored": files / table.height / 1024,
        "read": table.estimated_size() / table.height / 1024,
        "dictionary": _allocated(table.to_dicts) / table.height / 1024,
    }


def _allocated(made: Callable[[], object]) -> int:
    """Bytes of Python objects that a call leaves in its result."""
    tracemalloc.start()
    try:
        result = made()
        gc.collect()
        return tracemalloc.get_traced_memory()[0] if result is not None else 0
    finally:
        tracemalloc.stop()


def manifest_seconds() -> float:
    """Processor seconds to write the manifest of a million cells, the least of several."""
    from verigap.storage.manifest import Manifest

    names = tuple(f"{number:016x}" for number in range(MILLION))
    made = Manifest(config="0" * 64, provenance=("1" * 64,), expected=names)
    taken = []
    for _ in range(_REPEATS):
        start = time.process_time()
        made.to_bytes()
        taken.append(time.process_time() - start)
    return min(taken)


def rows() -> Iterator[Values]:
    """Every setting, measured."""
    for game in GAMES:
        base = math.nan
        for changed, setting in game.settings():
            seconds = seconds_a_cell(game, setting)
            base = base if changed else seconds
            yield {
                "game": game.name,
                "larger": changed,
                "times": _times(changed, game),
                "seconds": seconds,
                "exponent": _exponent(seconds / base, _times(changed, game)),
            }


def _times(changed: str, game: Game) -> float:
    """How many times as large the quantity is."""
    if not changed:
        return 1.0
    old, new = game.base[changed], game.larger[changed]
    if isinstance(old, dict):
        key = "returns" if changed == "law" else "steps"
        old, new = (len(each[key]) if key == "returns" else each[key] for each in (old, new))
    return new / old


def _exponent(ratio: float, times: float) -> float | None:
    return None if times == 1.0 else math.log(ratio) / math.log(times)


def shown(row: Values) -> str:
    """A row of the table."""
    what = f"{row['larger']} x {row['times']:g}" if row["larger"] else "baseline"
    grows = "" if row["exponent"] is None else f"{row['exponent']:.2f}"
    rate = 1.0 / row["seconds"]
    return f"{row['game']:<24}{what:<24}{1e3 * row['seconds']:>10.2f}{rate:>10.1f}{grows:>10}"


def main() -> int:
    """Measure, print, keep."""
    print(f"{'game':<24}{'setting':<24}{'ms a cell':>10}{'cells/s':>10}{'exponent':>10}")
    found = []
    for row in rows():
        found.append(row)
        print(shown(row), flush=True)
    stored, manifest = storing(), manifest_seconds()
    print(f"laying out, planning and storing a cell: {1e3 * stored['seconds']:.2f} ms")
    print(
        f"KiB a cell: {stored['laid_out']:.1f} laid out, {stored['stored']:.1f} in the run folder, "
        f"{stored['read']:.1f} read, {stored['dictionary']:.1f} as a dictionary"
    )
    print(f"writing the manifest of a million cells: {manifest:.2f} s")
    hours = found[0]["seconds"] * MILLION / 3600
    print(f"a million cells of the first setting: {hours:.2f} hours of one core")
    now = datetime.now(UTC)
    content = {
        "measured": now.isoformat(timespec="seconds"),
        "machine": machine(),
        "rows": found,
        "storing": stored,
        "manifest_seconds": manifest,
    }
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"cost-{now:%Y%m%dT%H%M%S}.json"
    path.write_text(json.dumps(content, indent=1) + "\n")
    print(f"kept in {path.relative_to(ROOT)}")
    return 0


def _use_one_core() -> None:
    """Keep this process to one core, before JAX counts them."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    os.environ["NPROC"] = "1"


if __name__ == "__main__":
    _use_one_core()
    from verigap.cli.options import prepare_jax

    prepare_jax()
    sys.exit(main())
