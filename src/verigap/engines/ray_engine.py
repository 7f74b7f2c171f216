"""The Ray engine: batches of cells are tasks of Ray, on this machine or on a cluster.

This process lays out the batches, keeps a bounded number of them in flight, and stores what comes
back. A batch is computed by the program that would compute it here, so numbers are the same.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from verigap.engines.ray_cluster import connected, embedded, require_ray, usable_cpus
from verigap.engines.ray_worker import PACKAGES, Answer, WorkerSettings, compute
from verigap.engines.versions import versions
from verigap.sim.sweeps.engine import Result, Session, Work
from verigap.sim.sweeps.steps import Steps

RETRIES = 3
"""How often a batch is tried again whose worker or machine was lost."""

_AHEAD = 2
_SECONDS_TO_TELL = 1.0
# What JAX computes depends on; the values are those of this process.
_JAX = (
    "jax_enable_x64", "jax_default_matmul_precision", "jax_default_prng_impl",
    "jax_threefry_partitionable", "jax_disable_most_optimizations",
)  # fmt: skip
_PREFIXES = ("JAX_", "XLA_", "VERIGAP_")


@dataclass(frozen=True, kw_only=True)
class RayEngine:
    """Computes batches of cells as tasks of Ray, each on one CPU.

    Attributes:
      address: HOST:PORT of a cluster, or "auto" for the one that this machine belongs to. None
        starts Ray on this machine for as long as the sweep takes.
      cpus: tasks at a time on this machine, where Ray is started; None for all its CPUs.

    Example:
      >>> from verigap.engines import RayEngine
      >>> RayEngine(address="auto").address
      'auto'
    """

    address: str | None = None
    cpus: int | None = None

    @contextlib.contextmanager
    def opened(self) -> Iterator[Session]:
        """A session on the cluster; Ray is started here only once there is something to compute.

        Raises:
          ValueError: Ray is not installed, or no cluster answers at the address.
        """
        require_ray()
        variables = _variables()
        if self.address is None:
            cpus = self.cpus or usable_cpus()
            yield RaySession(lambda: embedded(cpus, variables), "this machine")
        else:
            with connected(self.address, variables) as ray:
                yield RaySession(lambda: contextlib.nullcontext(ray), self.address)


class RaySession:
    """Ray, ready to compute.

    Args:
      started: Ray, started or connected to.
      where: for the account in the run folder.
    """

    def __init__(self, started: Any, where: str) -> None:
        self._started = started
        self._where = where

    def provenance(self) -> dict[str, object]:
        """The engine; its workers compute on CPUs."""
        return {"engine": "ray", "ray_address": self._where, "device_platform": "cpu"}

    def results(self, works: Iterable[Work], steps: Steps) -> Generator[Result, None, None]:
        """What became of each work, in the order in which they end."""
        with self._started() as ray:
            yield from _results(ray, iter(works), steps)


def _results(ray: ModuleType, works: Iterator[Work], steps: Steps) -> Iterator[Result]:
    """Submit works as long as few are in flight, and give what comes back."""
    task = ray.remote(num_cpus=1, max_retries=RETRIES)(compute)
    settings = WorkerSettings(versions=versions(PACKAGES), keep_programs=_keeps_programs())
    flying: dict[Any, Work] = {}
    ahead = True
    while ahead or flying:
        cpus = max(1, int(ray.cluster_resources().get("CPU", 0)))
        room = ahead and len(flying) < _AHEAD * cpus
        if room:
            work = next(works, None)
            if work is None:
                ahead = False
                continue
            try:
                job = work.prepare(steps.tell)
            except (ValueError, TypeError, ArithmeticError, RuntimeError, MemoryError) as error:
                yield Result(work=work, rows=[], error=f"{type(error).__name__}: {error}")
                continue
            flying[task.remote(job, settings)] = work
        # Wait only where there is nothing to submit.
        done, _ = ray.wait(list(flying), num_returns=1, timeout=0 if room else _SECONDS_TO_TELL)
        if not room and not done:
            steps.tell(f"{min(cpus, len(flying))} of Ray's {cpus} CPUs")
        for reference in done:
            work = flying.pop(reference)
            answer = _answer(ray, reference)
            steps.took(work.kind, answer.seconds / min(cpus, len(flying) + 1))
            yield Result(work=work, rows=answer.rows, error=answer.error)


def _answer(ray: ModuleType, reference: Any) -> Answer:
    """What a worker says, or what became of it.

    Raises:
      ValueError: the worker cannot compute cells of this sweep.
    """
    try:
        answer = ray.get(reference)
    except ray.exceptions.RayTaskError as error:
        if "ModuleNotFoundError" in str(error):
            raise ValueError(
                "engine: a machine of the Ray cluster cannot import verigap; install the same "
                "version on all of them"
            ) from None
        raise
    except ray.exceptions.RayError as error:
        # The first line says which kind of process was lost, the rest how to look for its logs.
        lines = str(error).splitlines() or [""]
        return Answer(rows=[], error=f"{type(error).__name__}: {lines[0]}", seconds=0.0)
    if answer.refusal:
        raise ValueError(
            f"engine: of the Ray cluster, {answer.refusal}; install the same versions on all "
            "machines, then run the same command again"
        )
    return answer


def _variables() -> dict[str, str]:
    """The environment that makes a worker compute as this process does, on one CPU."""
    import jax

    given = {name: value for name, value in os.environ.items() if name.startswith(_PREFIXES)}
    values = {name: getattr(jax.config, name, None) for name in _JAX}
    same = {name.upper(): _spelled(value) for name, value in values.items() if value is not None}
    # XLA takes its number of threads from NPROC.
    return {**given, **same, "JAX_PLATFORMS": "cpu", "NPROC": "1"}


def _spelled(value: object) -> str:
    return str(int(value)) if isinstance(value, bool) else str(value)


def _keeps_programs() -> bool:
    import jax

    return getattr(jax.config, "jax_compilation_cache_dir", None) is not None
