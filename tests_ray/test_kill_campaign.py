"""Killed at any moment, a driver or a worker of Ray costs nothing, and the next run goes on.

`VERIGAP_INTERRUPTS` says how many kills each of them gets: a few in the tests, 50 in
`make chaos-ray`.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.command import stored_rows
from tests.cli.fault_trials import CHAOS, Record, row
from tests.cli.interrupting import CONTINUES, PLAIN, Work, campaign
from tests_ray.importing import write_expressions
from tests_ray.machines import Machines, Process, wait_for
from tests_ray.sweeping import Sweeping, cells, verigap

KILLS = int(os.environ.get("VERIGAP_INTERRUPTS", "3"))
# A batch is tried again three times, so that one run stands as many kills.
KILLS_A_RUN = 3


def sweep(address: str, sweeping: Sweeping, folder: Path) -> Work:
    return Work(
        verigap=verigap,
        arguments=lambda _: (
            "sweep", sweeping.config, "--out", "run", "--engine", "ray", "--address", address,
        ),
        result=lambda at: json.dumps(stored_rows(at / "run")),
        line=CONTINUES,
    )  # fmt: skip


def import_(address: str, sweeping: Sweeping, folder: Path) -> Work:
    log = folder / "log.jsonl"
    write_expressions(log, 1024)
    return Work(
        verigap=verigap,
        arguments=lambda _: (
            "import", log, "--out", "traces.parquet", "--engine", "ray", "--address", address,
        ),
        result=lambda at: (at / "traces.parquet").read_bytes(),
        line=PLAIN,
    )  # fmt: skip


WORKS: dict[str, Callable[[str, Sweeping, Path], Work]] = {"sweep": sweep, "import": import_}


@pytest.mark.parametrize("name", WORKS)
def test_killed_drivers(
    sweeping: Sweeping, machines: Machines, tmp_path: Path, name: str, record_property: Record
) -> None:
    (inputs := tmp_path / "inputs").mkdir()
    work = WORKS[name](machines.address, sweeping, inputs)
    seen = campaign(work, tmp_path, KILLS, seed=len(name), kinds=(signal.SIGKILL,))
    record_property(CHAOS, row(f"kills of the Ray driver of {name}", KILLS, KILLS, seen))


def test_killed_workers(
    sweeping: Sweeping, machines: Machines, tmp_path: Path, record_property: Record
) -> None:
    draw = random.Random("kills of workers")
    seen = Counter[str]()
    sent = 0
    while sent < KILLS:
        run = tmp_path / "run"
        child = sweeping.start(run, "--address", machines.address)
        wait_for(machines.working)
        for _ in range(min(KILLS_A_RUN, KILLS - sent)):
            time.sleep(draw.uniform(0.0, 3.0))
            if child.poll() is not None:
                break
            if (victim := drawn(machines.workers(), draw)) is None:
                seen["no worker there"] += 1
                continue
            os.kill(victim.number, signal.SIGKILL)
            seen["computing" if "compute" in victim.command else "idle"] += 1
            sent += 1
        sweeping.ended(child)
        assert cells(run) == sweeping.expected
        seen["completed"] += 1
        shutil.rmtree(run)
    record_property(CHAOS, row("kills of Ray workers of sweep", KILLS, KILLS, seen))


def drawn(workers: list[Process], draw: random.Random) -> Process | None:
    """A worker; one that computes, where there is one."""
    computing = [each for each in workers if each.command.startswith("ray::compute")]
    return draw.choice(computing or workers) if workers else None
