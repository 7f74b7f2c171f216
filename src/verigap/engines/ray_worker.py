"""What runs in a worker process of Ray."""

from __future__ import annotations

import platform
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version

from verigap.sim.sweeps.engine import Job, Rows, attempt

_PACKAGES = ("verigap", "jax", "jaxlib", "numpy")


@dataclass(frozen=True, kw_only=True)
class WorkerSettings:
    """How a worker has to be set up.

    Attributes:
      versions: of what the numbers depend on, by name.
      keep_programs: whether compiled programs are kept on the worker's disk.
    """

    versions: tuple[tuple[str, str], ...]
    keep_programs: bool


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a worker has computed.

    Attributes:
      rows: one a cell; empty if they failed.
      error: why they failed; empty if they did not.
      seconds: how long it took.
      refusal: why this worker cannot compute cells of this sweep; empty if it can.
    """

    rows: Rows
    error: str
    seconds: float
    refusal: str = ""


def versions() -> tuple[tuple[str, str], ...]:
    """Versions of what the numbers of a cell depend on, in this process."""
    return (("Python", platform.python_version()), *((name, _version(name)) for name in _PACKAGES))


def compute(job: Job, settings: WorkerSettings) -> Answer:
    """Compute a job in this process, which keeps what it compiles for the next one."""
    began = time.monotonic()
    refusal = _prepare(settings)
    if refusal:
        return Answer(rows=[], error="", seconds=0.0, refusal=refusal)
    rows, error = attempt(lambda: job(lambda _: None))
    return Answer(rows=rows, error=error, seconds=time.monotonic() - began)


@cache
def _prepare(settings: WorkerSettings) -> str:
    """Set up this process, once; why it cannot be used."""
    if different := difference(settings.versions, versions()):
        return f"{platform.node()} {different}"
    if settings.keep_programs:
        from verigap.engines.compiled_programs import keep_compiled_programs

        keep_compiled_programs()
    return ""


def difference(wanted: Sequence[tuple[str, str]], found: Sequence[tuple[str, str]]) -> str:
    """What a process has in place of the versions that are wanted; empty where it has these.

    Example:
      >>> from verigap.engines.ray_worker import difference
      >>> difference([("jax", "0.10.2"), ("numpy", "2.4.6")], [("jax", "0.9"), ("numpy", "2.4.6")])
      'has jax 0.9, not 0.10.2'
    """
    have = dict(found)
    different = [
        f"{name} {have.get(name, 'none')}, not {needed}"
        for name, needed in wanted
        if have.get(name) != needed
    ]
    return f"has {'; '.join(different)}" if different else ""


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "from a folder"
