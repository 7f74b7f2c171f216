"""What computes the cells of a sweep: the interface of engines, and the one of this process."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from verigap.sim.sweeps.cells import AnyCell
from verigap.sim.sweeps.steps import Steps

Rows = list[dict[str, Any]]
Note = Callable[[str], None]
"""Told what takes long just now."""


@runtime_checkable
class Job(Protocol):
    """A computation that can be sent to another process; it is told what to do by its fields."""

    def __call__(self, note: Note) -> Rows:
        """Rows of the cells, ready for the run store."""
        ...


@dataclass(frozen=True, kw_only=True)
class Work:
    """Cells that are computed and stored together, in a step of a kind of `steps`.

    Attributes:
      cells: the cells.
      kind: the kind of step.
      prepare: makes the job, in the process that stores; it may read and write files.
    """

    cells: tuple[AnyCell, ...]
    kind: str
    prepare: Callable[[Note], Job]


@dataclass(frozen=True, kw_only=True)
class Result:
    """What became of some cells.

    Attributes:
      work: the cells.
      rows: one a cell; empty if they failed.
      error: why they failed, in one line; empty if they did not.
    """

    work: Work
    rows: Rows
    error: str = ""


@runtime_checkable
class Session(Protocol):
    """An engine that is ready to compute."""

    def provenance(self) -> dict[str, object]:
        """What computes, for the account in the run folder."""
        ...

    def results(self, works: Iterable[Work], steps: Steps) -> Generator[Result, None, None]:
        """What became of each work, in any order, telling `steps` about it."""
        ...


@runtime_checkable
class Engine(Protocol):
    """What computes the cells of a sweep. Numbers do not depend on which it is."""

    def opened(self) -> AbstractContextManager[Session]:
        """A session, which ends with the context.

        Raises:
          ValueError: the engine cannot be used; one line says what to do.
        """
        ...


def attempt(compute: Callable[[], Rows]) -> tuple[Rows, str]:
    """The rows of a computation, or why it failed where that is the fault of its cells.

    Example:
      >>> from verigap.sim.sweeps.engine import attempt
      >>> attempt(lambda: [{"cell": "a", "inverse": 1 / 0}])
      ([], 'ZeroDivisionError: division by zero')
    """
    try:
        return compute(), ""
    except (ValueError, TypeError, ArithmeticError, RuntimeError, MemoryError) as error:
        return [], f"{type(error).__name__}: {error}".splitlines()[0]


@dataclass(frozen=True)
class LocalEngine:
    """Computes in this process, one batch after another, on all devices that JAX sees."""

    def opened(self) -> AbstractContextManager[Session]:
        """A session; there is nothing to start."""
        return nullcontext(_LocalSession())


class _LocalSession:
    def provenance(self) -> dict[str, object]:
        """The devices of this process."""
        return computing_device()

    def results(self, works: Iterable[Work], steps: Steps) -> Generator[Result, None, None]:
        """Each work in turn, prepared when it is its turn."""
        for work in works:
            with steps.step(work.kind):
                rows, error = attempt(lambda work=work: work.prepare(steps.tell)(steps.tell))
            yield Result(work=work, rows=rows, error=error)


def computing_device() -> dict[str, object]:
    """Kind, platform and number of the devices of this process."""
    # Late, because it is slow and starts the device.
    import jax

    devices = jax.devices()
    return {
        "device_kind": devices[0].device_kind,
        "device_platform": devices[0].platform,
        "device_count": len(devices),
    }
