"""Clusters of Ray on this machine, for the tests that need the `ray` extra: `make test-ray`."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

# Before Ray is imported. Raylets and their workers inherit these.
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
# Plain code compiles faster, and processes share what they compile.
os.environ["XLA_FLAGS"] = "--xla_cpu_use_fusion_emitters=false"
os.environ["VERIGAP_CACHE"] = str(Path(__file__).parent.parent / "build" / "programs")

# Workers unpack what tests define.
os.environ["PYTHONPATH"] = os.pathsep.join(
    filter(None, [str(Path(__file__).parent.parent), os.environ.get("PYTHONPATH")])
)

from tests.cli.fault_trials import write_table
from tests_ray.importing import Importing
from tests_ray.machines import Machines
from tests_ray.sampling import Sampling
from tests_ray.sweeping import CONFIG, Sweeping


@pytest.fixture(scope="session")
def small_sweep(tmp_path_factory: pytest.TempPathFactory) -> Sweeping:
    """A small sweep, and its run by the local engine."""
    folder = tmp_path_factory.mktemp("sweeping")
    config = folder / "config.yaml"
    config.write_text(CONFIG)
    return Sweeping(config, folder / "local")


@pytest.fixture
def sweeping(small_sweep: Sweeping) -> Iterator[Sweeping]:
    """The sweep; of its runs none outlives the test."""
    yield small_sweep
    small_sweep.end_all()


@pytest.fixture
def sampling(tmp_path: Path) -> Iterator[Sampling]:
    """Sampling in a folder of its own; of its runs none outlives the test."""
    runs = Sampling(tmp_path)
    yield runs
    runs.end_all()


@pytest.fixture
def importing(tmp_path: Path) -> Iterator[Importing]:
    """Imports in a folder of their own; of their runs none outlives the test."""
    runs = Importing(tmp_path)
    yield runs
    runs.end_all()


@pytest.fixture(scope="session")
def three_machines() -> Iterator[Machines]:
    # Not a folder of pytest's, as paths of sockets have to be short.
    with tempfile.TemporaryDirectory(dir="/tmp", ignore_cleanup_errors=True) as folder:
        machines = Machines(count=3, folder=Path(folder))
        yield machines
        machines.close()


@pytest.fixture
def machines(three_machines: Machines) -> Machines:
    """A cluster of three machines with a CPU each, beside a head without one."""
    three_machines.restore()
    return three_machines


def pytest_terminal_summary(terminalreporter) -> None:
    """What the campaign of kills saw, in one table."""
    write_table(terminalreporter)
