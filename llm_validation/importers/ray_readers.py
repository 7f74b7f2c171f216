"""Readers on Ray: each is an actor that understands and grades blocks of records."""

from __future__ import annotations

import contextlib
import platform
from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType

from verigap.engines.ray_actors import ActorKind, Actors, CallError
from verigap.engines.ray_cluster import started
from verigap.engines.versions import Versions, refuse_other, versions
from verigap.llm_validation.importers.blocks import Block, Blocks, Finished, Readers, finished
from verigap.llm_validation.importers.grading import Grader
from verigap.llm_validation.importers.records import Item, Parsed, Reading
from verigap.llm_validation.tasks.grading import GradingError

PACKAGES = ("verigap", "math-verify", "latex2sympy2_extended", "sympy")
"""What verdicts depend on."""


class BlockError(RuntimeError):
    """Records that could not be understood or graded on Ray; the message is one line."""


@dataclass(frozen=True, kw_only=True)
class RayReaders:
    """Readers as actors of Ray, one a CPU, on this machine or on a cluster.

    Files are read by this process alone.

    Attributes:
      address: HOST:PORT of a cluster, or "auto" for the one that this machine belongs to. None
        starts Ray on this machine for as long as the import takes.
      readers: how many; None for one a CPU.

    Example:
      >>> from verigap.llm_validation.importers import RayReaders
      >>> RayReaders(address="auto").address
      'auto'
    """

    address: str | None = None
    readers: int | None = None

    def __post_init__(self) -> None:
        if self.readers is not None and self.readers < 1:
            raise ValueError(f"readers: expected at least 1, not {self.readers}")

    @contextlib.contextmanager
    def opened(self) -> Iterator[Readers]:
        """Readers, of which none has started yet.

        Raises:
          ValueError: Ray is not installed, no cluster answers, or it has no CPU.
        """
        with started(self.address, self.readers, {}) as ray:
            cpus = int(ray.cluster_resources().get("CPU", 0))
            if not cpus:
                raise ValueError("ray: no machine of the cluster has a CPU for a reader; add one")
            yield _RayReaders(ray, self.readers or cpus)


class BlockReader:
    """An actor: it understands blocks, and has a grading process of its own."""

    def __init__(self) -> None:
        """Grading starts with the first question."""
        self._grader = Grader(workers=1)

    def greet(self) -> tuple[str, Versions]:
        """Where this is, and what its verdicts depend on."""
        return platform.node(), versions(PACKAGES)

    def work(self, block: Block) -> Finished | str:
        """The block, understood and graded; why it cannot be graded here."""
        try:
            return finished(block, self._grader)
        except GradingError as error:
            return f"{error} (on {platform.node()})"


class _RayReaders:
    """See `Readers`: blocks of records are with the actors, as many as are done in time."""

    def __init__(self, ray: ModuleType, count: int) -> None:
        kind = ActorKind(made=BlockReader, arguments=())
        self._actors: Actors[Block] = Actors(ray, kind, count, _accept)

    def parsed(self, items: Iterator[Item], reading: Reading) -> Iterator[Parsed]:
        blocks = Blocks(items, reading)
        return blocks.given(self._finished(blocks))

    def _finished(self, blocks: Blocks) -> Iterator[tuple[Block, Finished]]:
        try:
            for block, done in self._actors.results(blocks, _nothing, ordered=True):
                if isinstance(done, str):
                    raise GradingError(done)
                yield block, done
        except CallError as error:
            what = _named(error.call) if isinstance(error.call, Block) else "a reader"
            raise BlockError(f"{what}: {error}; no table is written") from None


def _accept(greeting: tuple[str, Versions]) -> None:
    """Take a reader that grades as this process would.

    Raises:
      ValueError: its packages are of other versions.
    """
    machine, there = greeting
    refuse_other(machine, versions(PACKAGES), there)


def _named(block: Block) -> str:
    """A block by the places of its first and its last record."""
    return f"the records from {block.items[0].place} to {block.items[-1].place}"


def _nothing(busy: int) -> None:
    """Tell nothing: what is told of an import is what has been read."""
