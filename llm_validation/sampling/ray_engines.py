"""Engines on Ray: each is an actor that loads the model once, and makes and grades batches."""

from __future__ import annotations

import contextlib
import platform
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from verigap.engines.ray_actors import ActorKind, Actors, CallError
from verigap.engines.ray_cluster import started
from verigap.engines.versions import Versions, refuse_other, versions
from verigap.llm_validation.sampling.batches import Places, Sampler, configuration, layout
from verigap.llm_validation.sampling.engine import Engine, EngineError
from verigap.llm_validation.sampling.options import SampleOptions
from verigap.llm_validation.sampling.sessions import Made, Session, Tell, made
from verigap.llm_validation.tasks.grading import GradingError, GradingPool
from verigap.llm_validation.tasks.task import Task


class BatchError(RuntimeError):
    """A batch that could not be made; the message is one line."""


@dataclass(frozen=True, kw_only=True)
class RayEngines:
    """Engines as actors of Ray, on this machine or on a cluster.

    Attributes:
      load: loads an engine, in the process of an actor; a function of a module that the machines
        can import, or a `functools.partial` of one.
      address: HOST:PORT of a cluster, or "auto" for the one that this machine belongs to. None
        starts Ray on this machine for as long as sampling takes.
      engines: how many; None for as many as there is room for.
      cpus_per_engine: CPUs of an engine, which computes with as many threads.
      gpus_per_engine: GPUs of an engine; a part of one is shared. Without any, it sees none.

    Example:
      >>> from functools import partial
      >>> from verigap.llm_validation.sampling import ModelSpec, RayEngines, load_engine
      >>> engines = RayEngines(load=partial(load_engine, "vllm", ModelSpec("m")), address="auto")
      >>> engines.cpus_per_engine
      1
    """

    load: Callable[[], Engine]
    address: str | None = None
    engines: int | None = None
    cpus_per_engine: int = 1
    gpus_per_engine: float = 0.0

    def __post_init__(self) -> None:
        if self.engines is not None and self.engines < 1:
            raise ValueError(f"engines: expected at least 1, not {self.engines}")
        if self.cpus_per_engine < 1:
            raise ValueError(f"cpus_per_engine: expected at least 1, not {self.cpus_per_engine}")
        gpus = self.gpus_per_engine
        # As Ray has it: parts of one GPU, or whole ones.
        if not (0 <= gpus <= 1 or (1 < gpus < float("inf") and gpus == int(gpus))):
            raise ValueError(f"gpus_per_engine: expected 0 to 1 or a whole number, not {gpus}")

    @contextlib.contextmanager
    def opened(self, task: Task, options: SampleOptions) -> Iterator[Session]:
        """A session whose first engine is loaded.

        Raises:
          ValueError: Ray is not installed, no cluster answers, or none of its machines has room.
          EngineError: the engine cannot be loaded.
          BatchError: it is lost time after time.
        """
        cpus = None if self.engines is None else self.engines * self.cpus_per_engine
        with started(self.address, cpus, {}) as ray:
            count = self.engines or self._room(ray)
            yield _RaySession(ray, self, task, options, min(count, len(layout(task, options))))

    def _room(self, ray: ModuleType) -> int:
        """How many engines the machines have room for.

        Raises:
          ValueError: for none.
        """
        machines = [each["Resources"] for each in ray.nodes() if each["Alive"]]
        room = 0
        for machine in machines:
            fits = machine.get("CPU", 0.0) // self.cpus_per_engine
            if self.gpus_per_engine:
                fits = min(fits, machine.get("GPU", 0.0) // self.gpus_per_engine)
            room += int(fits)
        if not room:
            gpus = f" and {self.gpus_per_engine:g} GPUs" if self.gpus_per_engine else ""
            raise ValueError(
                f"ray: no machine has {self.cpus_per_engine} CPUs{gpus} for an engine; ask for "
                "fewer, or say by `engines` how many engines to wait for"
            )
        return room


@dataclass(frozen=True, kw_only=True)
class _Greeting:
    """What an actor has loaded.

    Attributes:
      machine: where it is.
      config: what settles the content of the table.
      packages: whose versions belong into an account of the run.
      versions: of these.
    """

    machine: str
    config: Mapping[str, Any]
    packages: tuple[str, ...]
    versions: Versions


@dataclass(frozen=True)
class _Refused:
    """What an engine, or its grading, cannot be used for; an error of ours, in one line."""

    why: str


class SamplingEngine:
    """An actor: an engine with a grading pool of its own."""

    def __init__(self, load: Callable[[], Engine], task: Task, options: SampleOptions) -> None:
        """Nothing is loaded yet."""
        self._load, self._task, self._options = load, task, options
        self._sampler: Sampler | None = None

    def greet(self) -> _Greeting | _Refused:
        """Load the engine, and say which it is."""
        task, options = self._task, self._options
        try:
            engine = self._load()
        except EngineError as error:
            return _Refused(f"{error} (on {platform.node()})")
        pool = GradingPool(task.judge, options.workers, options.timeout)
        self._sampler = Sampler(engine, task, options, pool)
        packages = (*engine.packages, *task.packages)
        return _Greeting(
            machine=platform.node(),
            config=configuration(engine, task, options),
            packages=packages,
            versions=versions(("verigap", "numpy", *packages)),
        )

    def work(self, places: Places) -> Made | _Refused:
        """Make a batch."""
        assert self._sampler is not None
        try:
            return made(self._sampler, places)
        except (EngineError, GradingError) as error:
            return _Refused(f"{error} (on {platform.node()})")


class _RaySession:
    """See `Session`."""

    def __init__(
        self, ray: ModuleType, asked: RayEngines, task: Task, options: SampleOptions, count: int
    ) -> None:
        self._task, self._count = task, count
        self._where = asked.address or "this machine"
        self._first: _Greeting | None = None
        kind = ActorKind(
            made=SamplingEngine,
            arguments=(asked.load, task, options),
            cpus=asked.cpus_per_engine,
            gpus=asked.gpus_per_engine,
        )
        self._actors: Actors[Places] = Actors(ray, kind, count, self._accept)
        try:
            self._actors.start()
        except CallError as error:
            raise BatchError(f"ray: no engine starts; {error}") from None
        assert self._first is not None
        self.config, self.packages = self._first.config, self._first.packages

    def provenance(self) -> dict[str, object]:
        return {"ray_address": self._where, "engines": self._count}

    def made(self, batches: Iterable[Places], tell: Tell) -> Iterator[Made]:
        def note(busy: int) -> None:
            tell(0, f"{busy} of {self._count} engines")

        try:
            for _, result in self._actors.results(batches, note):
                if isinstance(result, _Refused):
                    raise EngineError(result.why)
                yield result
        except CallError as error:
            what = self._named(error.call) if error.call else "an engine"
            raise BatchError(
                f"{what}: {error}; what is finished is kept, and the same command goes on from it"
            ) from None

    def _accept(self, greeting: _Greeting | _Refused) -> None:
        """Take an engine that is the same as the first one.

        Raises:
          EngineError: it is another.
          ValueError: its packages are of other versions than those here.
        """
        if isinstance(greeting, _Refused):
            raise EngineError(greeting.why)
        here = versions(("verigap", "numpy", *greeting.packages))
        refuse_other(greeting.machine, here, greeting.versions)
        first = self._first = self._first or greeting
        for name, value in first.config.items():
            if greeting.config.get(name) != value:
                raise EngineError(
                    f"ray: the engine on {greeting.machine} has the {name} "
                    f"{greeting.config.get(name)}, not {value} as the one on {first.machine}; put "
                    "the same model on all machines"
                )

    def _named(self, places: Any) -> str:
        """A batch by the keys of its first and its last row in the table."""
        (prompt, sample), (last_prompt, last_sample) = places[0], places[-1]
        problems = self._task.problems
        return (
            f"the batch from prompt_id {problems[prompt].prompt_id}, sample_id {sample}, to "
            f"{problems[last_prompt].prompt_id}, {last_sample}"
        )
