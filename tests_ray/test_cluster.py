"""A sweep on a cluster of three machines, of which some are lost meanwhile."""

from __future__ import annotations

import json
from pathlib import Path

from tests_ray.machines import Machines, wait_for
from tests_ray.sweeping import CELLS, Sweeping, cells


def test_a_cluster_computes_what_the_local_engine_does(
    sweeping: Sweeping, machines: Machines, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    done = sweeping.ended(sweeping.start(run, "--address", machines.address))
    assert done == f"{run}: {CELLS} of {CELLS} cells done\n"
    assert cells(run) == sweeping.expected
    account = json.loads((run / "provenance.json").read_text())
    assert (account["engine"], account["ray_address"]) == ("ray", machines.address)


def test_a_machine_that_is_lost_costs_nothing(
    sweeping: Sweeping, machines: Machines, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    child = sweeping.start(run, "--address", machines.address)
    machines.kill_machine()
    sweeping.ended(child)
    assert cells(run) == sweeping.expected


def test_a_worker_that_is_lost_costs_nothing(
    sweeping: Sweeping, machines: Machines, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    child = sweeping.start(run, "--address", machines.address)
    machines.kill_worker()
    sweeping.ended(child)
    assert cells(run) == sweeping.expected


def test_a_driver_that_is_killed_goes_on_where_it_was(
    sweeping: Sweeping, machines: Machines, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    child = sweeping.start(run, "--address", machines.address)
    wait_for(lambda: list(run.glob("cells/*.parquet")))
    child.kill()
    child.communicate()
    kept = cells(run)
    assert 0 < len(kept) < len(sweeping.expected)
    done = sweeping.ended(sweeping.start(run, "--address", machines.address))
    assert "from before)" in done
    assert cells(run) == sweeping.expected
