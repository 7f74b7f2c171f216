"""What runs in a worker process of Ray."""

from __future__ import annotations

import platform
import time
from dataclasses import dataclass
from functools import cache

from verigap.engines.versions import Versions, difference, versions
from verigap.sim.sweeps.engine import Job, Rows, attempt

PACKAGES = ("verigap", "jax", "jaxlib", "numpy")
"""What the numbers of a cell depend on."""


@dataclass(frozen=True, kw_only=True)
class WorkerSettings:
    """How a worker has to be set up.

    Attributes:
      versions: of what the numbers depend on, by name.
      keep_programs: whether compiled programs are kept on the worker's disk.
    """

    versions: Versions
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
    if different := difference(settings.versions, versions(PACKAGES)):
        return f"{platform.node()} {different}"
    if settings.keep_programs:
        from verigap.engines.compiled_programs import keep_compiled_programs

        keep_compiled_programs()
    return ""
