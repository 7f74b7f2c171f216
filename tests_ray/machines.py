"""A Ray cluster whose machines are processes on this one."""

from __future__ import annotations

import os
import signal
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from ray.cluster_utils import Cluster  # pyright: ignore[reportMissingImports]

TIMEOUT = 300.0
STORE = 80 << 20


class Machines:
    """A head without a CPU, and machines of one CPU each.

    Args:
      count: how many machines.
      folder: where Ray keeps its sockets and logs; its path has to be short.
    """

    def __init__(self, count: int, folder: Path) -> None:
        self._count = count
        # Ray notes there which cluster is this machine's, and expects to find the folder.
        Path(tempfile.gettempdir(), "ray").mkdir(exist_ok=True)
        self._cluster = Cluster(
            initialize_head=True,
            head_node_args={
                "num_cpus": 0,
                "object_store_memory": STORE,
                "include_dashboard": False,
                "temp_dir": str(folder),
            },
        )
        self._nodes: list[Any] = []
        self.restore()

    def restore(self) -> None:
        """Replace machines that were lost."""
        while len(self._nodes) < self._count:
            node = self._cluster.add_node(num_cpus=1, object_store_memory=STORE, wait=False)
            self._nodes.append(node)
        self._cluster.wait_for_nodes()

    def close(self) -> None:
        """End all of them."""
        self._cluster.shutdown()

    @property
    def address(self) -> str:
        """HOST:PORT of the head."""
        return self._cluster.address

    def kill_machine(self, doing: str = "compute") -> None:
        """Lose a machine that does something just now, with all its processes at once."""
        (_, raylet), *_ = wait_for(lambda: self._busy(doing))
        node = self._nodes[self._raylets().index(raylet)]
        self._nodes.remove(node)
        self._cluster.remove_node(node, allow_graceful=False)

    def kill_worker(self, doing: str = "compute") -> None:
        """Lose a worker process that does something just now."""
        (worker, _), *_ = wait_for(lambda: self._busy(doing))
        os.kill(worker, signal.SIGKILL)

    def working(self, doing: str = "compute") -> list[int]:
        """The worker processes that do something just now."""
        return [worker for worker, _ in self._busy(doing)]

    def workers(self) -> list[Process]:
        """All worker processes, those that have nothing to do among them."""
        raylets = self._raylets()
        return [
            each
            for each in processes()
            if each.command.startswith(("ray::IDLE", "ray::compute")) and each.parent in raylets
        ]

    def _busy(self, doing: str) -> list[tuple[int, int]]:
        """The workers that do something just now, each with its raylet, as process numbers."""
        return [
            (each.number, each.parent)
            for each in processes()
            if each.command.startswith(f"ray::{doing}") and each.parent in self._raylets()
        ]

    def _raylets(self) -> list[int]:
        return [node.all_processes["raylet"][0].process.pid for node in self._nodes]


class Process(NamedTuple):
    """A process of this machine."""

    number: int
    parent: int
    command: str


def processes() -> list[Process]:
    """Every process that has not ended."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_text(errors="replace").replace("\0", " ")
            status = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if status[0] != "Z":
            found.append(Process(int(folder.name), int(status[1]), command))
    return found


def wait_for(something: Callable[[], list[Any]]) -> list[Any]:
    """What there is, as soon as there is something."""
    deadline = time.monotonic() + TIMEOUT
    while not (found := something()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return found
