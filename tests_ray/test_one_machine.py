"""A sweep by a Ray that is started for it, which leaves nothing behind however it ends."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.command import Command, assert_refused
from tests_ray.machines import Process, processes, wait_for
from tests_ray.sweeping import CELLS, Sweeping, cells, verigap

INTERRUPTED = "verigap: interrupted; the same command continues where it stopped\n"
# A second more than what Ray's processes take to see that their parent is gone.
GONE_SECONDS = 10.0


def session(child: subprocess.Popen[str]) -> list[Path]:
    """The folder of the Ray that a command has started."""
    return list(Path("/tmp").glob(f"verigap-ray-{child.pid}-*"))


def started(child: subprocess.Popen[str]) -> list[Process]:
    """The processes below a command."""
    everything, below = processes(), {child.pid}
    for _ in range(4):
        below |= {each.number for each in everything if each.parent in below}
    return [each for each in everything if each.number in below - {child.pid}]


def assert_gone(before: list[Process]) -> None:
    """All of these processes have ended, or do so soon."""
    deadline = time.monotonic() + GONE_SECONDS
    names = {(each.number, each.command) for each in before}
    while left := names & {(each.number, each.command) for each in processes()}:
        assert time.monotonic() < deadline, left
        time.sleep(0.1)


def has_a_worker(child: subprocess.Popen[str]) -> Callable[[], list[Process]]:
    return lambda: [each for each in started(child) if each.command.startswith("ray::compute")]


def test_it_computes_what_the_local_engine_does(sweeping: Sweeping, tmp_path: Path) -> None:
    run = tmp_path / "run"
    child = sweeping.start(run)
    wait_for(has_a_worker(child))
    (folder,), below = session(child), started(child)
    assert sweeping.ended(child) == f"{run}: {CELLS} of {CELLS} cells done\n"
    assert cells(run) == sweeping.expected
    assert not folder.exists()
    assert_gone(below)


@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_ray_as_well(
    sweeping: Sweeping, tmp_path: Path, kind: signal.Signals
) -> None:
    run = tmp_path / "run"
    child = sweeping.start(run)
    wait_for(lambda: list(run.glob("cells/*.parquet")))
    below = started(child)
    assert len(below) > 4
    child.send_signal(kind)
    sent = time.monotonic()
    _, stderr = child.communicate(timeout=60)
    assert (child.returncode, stderr) == (128 + kind, INTERRUPTED)
    assert time.monotonic() - sent < 10.0
    assert_gone(below)
    kept = cells(run)
    assert kept.items() <= sweeping.expected.items()


@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_while_ray_starts(
    sweeping: Sweeping, tmp_path: Path, kind: signal.Signals
) -> None:
    child = sweeping.start(tmp_path / "run")
    wait_for(lambda: started(child))
    below = started(child)
    child.send_signal(kind)
    _, stderr = child.communicate(timeout=60)
    assert (child.returncode, stderr) == (128 + kind, INTERRUPTED)
    assert_gone(below)


def test_a_kill_ends_ray_and_the_next_run_goes_on(sweeping: Sweeping, tmp_path: Path) -> None:
    run = tmp_path / "run"
    child = sweeping.start(run)
    wait_for(lambda: list(run.glob("cells/*.parquet")))
    below, (folder,) = started(child), session(child)
    child.kill()
    child.communicate()
    # Two helpers of Ray first try for a minute to say that the rest is gone.
    assert_gone([each for each in below if "Agent" not in each.command])
    assert 0 < len(cells(run)) < len(sweeping.expected)
    assert "from before)" in sweeping.ended(sweeping.start(run))
    assert cells(run) == sweeping.expected
    # What could not be removed then is removed now.
    assert not folder.exists()


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("127.0.0.1:1", "--address: no Ray cluster answers at 127.0.0.1:1"),
        ("ray://127.0.0.1:10001", "--address: ray://127.0.0.1:10001 is that of a Ray client"),
        ("here", "--address: expected HOST:PORT or auto, not 'here'"),
    ],
)
def test_an_address_where_no_cluster_is(
    sweeping: Sweeping, tmp_path: Path, address: str, says: str
) -> None:
    run = tmp_path / "run"
    done = verigap("sweep", sweeping.config, "--out", run, "--engine", "ray", "--address", address)
    assert_refused(done, says)
    assert not run.exists()


def test_auto_where_the_cluster_is_gone(sweeping: Sweeping, tmp_path: Path) -> None:
    # Of a machine that belonged to a cluster once.
    former = Command({**verigap.environment, "RAY_ADDRESS": "127.0.0.1:1"})
    done = former("sweep", sweeping.config, "--out", "run", "--engine", "ray", "--address", "auto",
                  cwd=tmp_path)  # fmt: skip
    assert_refused(done, "--address: no Ray cluster answers at auto")
