"""What makes the batches of a sampling run: the interface, and the engine of this process."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from verigap.llm_validation.sampling.batches import Places, Sampler, configuration
from verigap.llm_validation.sampling.engine import Engine
from verigap.llm_validation.sampling.options import SampleOptions
from verigap.llm_validation.tasks.grading import GradingPool
from verigap.llm_validation.tasks.task import Task


@dataclass(frozen=True, kw_only=True)
class Made:
    """A finished batch.

    Attributes:
      rows: one a sample, ready for the run store.
      timeouts: gradings that were killed.
    """

    rows: list[dict[str, Any]]
    timeouts: int


class Tell(Protocol):
    """Told how far the present batches are."""

    def __call__(self, tokens: int, doing: str = "") -> None:
        """`tokens` are made of batches that are not finished; `doing` says what is waited for."""
        ...


class Session(Protocol):
    """Engines of one model, ready to make batches of one task."""

    @property
    def config(self) -> Mapping[str, Any]:
        """Everything that settles the content of the table."""
        ...

    @property
    def packages(self) -> Sequence[str]:
        """Packages whose versions belong into an account of the run."""
        ...

    def provenance(self) -> dict[str, object]:
        """What makes the batches, for the account of the run."""
        ...

    def made(self, batches: Iterable[Places], tell: Tell) -> Iterator[Made]:
        """Each batch once, in any order."""
        ...


@contextlib.contextmanager
def local_session(engine: Engine, task: Task, options: SampleOptions) -> Iterator[Session]:
    """The engine of this process, which makes one batch after another."""
    with GradingPool(task.judge, options.workers, options.timeout) as pool:
        yield _LocalSession(Sampler(engine, task, options, pool))


class _LocalSession:
    def __init__(self, sampler: Sampler) -> None:
        self._sampler = sampler
        self.config = configuration(sampler.engine, sampler.task, sampler.options)
        self.packages = (*sampler.engine.packages, *sampler.task.packages)

    def provenance(self) -> dict[str, object]:
        return {}

    def made(self, batches: Iterable[Places], tell: Tell) -> Iterator[Made]:
        for places in batches:
            yield made(self._sampler, places, tell)


def made(sampler: Sampler, places: Places, tell: Tell | None = None) -> Made:
    """A batch, and how many of its gradings were killed."""
    before = sampler.pool.timeouts
    rows = sampler.batch(places, tell)
    return Made(rows=rows, timeouts=sampler.pool.timeouts - before)
