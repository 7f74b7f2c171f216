"""A process that reads one input after the other, and may hang or be brought down by them.

It writes to its folder: `current`, the input being read; `counts.json`; and `defects/`, each kind
of wrong answer with its input. `campaign` looks at these.
"""

from __future__ import annotations

import argparse
import atexit
import importlib
import json
import os
import random
import re
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.fuzz.judging import Slow, complaint
from tests.fuzz.mutations import MOST_BYTES, mutated

SECONDS = 5.0
"""Processor time that an input may take."""
MEMORY = 2**30
"""Bytes that it may take."""


@dataclass
class Counts:
    """What became of the inputs so far; `slowest` is in seconds of processor time."""

    inputs: int = 0
    accepted: int = 0
    refused: int = 0
    slowest: float = 0.0


class Reader:
    """Feeds inputs to a target and keeps the account."""

    def __init__(self, feed: Callable[[bytes, Path], object], refuses: bool, folder: Path) -> None:
        """Nothing is read yet."""
        self.counts = Counts()
        self._feed, self._refuses, self._folder = feed, refuses, folder
        self._current = folder / "current"
        self._defects = folder / "defects"
        self._defects.mkdir(exist_ok=True)
        self._written = 0.0

    def read(self, data: bytes) -> None:
        """Read one input; what is wrong about how it ends is written down."""
        self._current.write_bytes(data)
        began = time.process_time()
        try:
            signal.setitimer(signal.ITIMER_PROF, SECONDS)
            try:
                with tempfile.TemporaryDirectory(dir=self._folder) as scratch:
                    self._feed(data, Path(scratch))
            finally:
                signal.setitimer(signal.ITIMER_PROF, 0)
            self.counts.accepted += 1
        # Whatever is no refusal is what is looked for, panics of Polars among it.
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt | SystemExit):
                raise
            problem = complaint(error, refuses=self._refuses)
            self.counts.refused += problem is None
            if problem is not None:
                self._note(problem, data, error)
        self.counts.inputs += 1
        self.counts.slowest = max(self.counts.slowest, time.process_time() - began)
        if time.monotonic() - self._written > 0.5:
            self.write()

    def write(self) -> None:
        """Write the counts."""
        draft = self._folder / "counts.draft"
        draft.write_text(json.dumps(asdict(self.counts)))
        draft.replace(self._folder / "counts.json")
        self._written = time.monotonic()

    def _note(self, problem: str, data: bytes, error: BaseException) -> None:
        name = re.sub(r"\W+", "-", problem)[:120]
        if not (self._defects / name).exists():
            (self._defects / name).write_bytes(data)
            report = "".join(traceback.format_exception(error))
            (self._defects / f"{name}.txt").write_text(f"{problem}\n\n{report}", errors="replace")


def prepare() -> None:
    """What is not of the readers, and would make them slow: durable writing, other processes."""
    from tests.fuzz.trials import Trials
    from verigap.llm_validation.importers.grading import Grader
    from verigap.storage import parquet_guard

    def settle(self: Grader, pending: Sequence[tuple[str, tuple[str, ...]]]) -> list[bool | None]:
        return [None for _ in pending]

    os.fsync = lambda _: None
    Grader.settle = settle
    trials = Trials()
    atexit.register(trials.close)
    parquet_guard._survived = trials.survived
    signal.signal(signal.SIGPROF, _too_slow)


def limit_memory() -> None:
    """No input gets more than `MEMORY` beyond what the process has once it has warmed up."""
    status = Path("/proc/self/status")
    found = re.search(r"VmData:\s+(\d+) kB", status.read_text()) if status.exists() else None
    if found is not None:
        most = int(found[1]) * 1024 + MEMORY
        resource.setrlimit(resource.RLIMIT_DATA, (most, most))


def _too_slow(*_: object) -> None:
    raise Slow


def plain(read: Callable[[bytes], None], seeds: list[bytes], draw: random.Random, end: float):
    """Mutations of valid inputs, without regard to what they reach."""
    valid = frozenset(seeds)
    while time.monotonic() < end:
        read(mutated(draw.choice(seeds), draw, valid))


def guided(reader: Reader, seeds: list[bytes], seed: int, end: float, folder: Path):
    """Mutations of whatever reached new code, by Atheris; this ends the process."""
    atheris: Any = importlib.import_module("atheris")
    valid = frozenset(seeds)
    corpus = folder / "corpus"
    corpus.mkdir(exist_ok=True)
    for number, data in enumerate(seeds):
        (corpus / f"seed-{number}").write_bytes(data)

    def mutator(data: bytes, most: int, number: int) -> bytes:
        draw = random.Random(number)
        if draw.random() < 0.3:
            return atheris.Mutate(data, most)
        try:
            return mutated(data, draw, valid)[:most]
        # Parsers of what is half broken raise all kinds of errors, which would end the engine.
        except Exception:
            return atheris.Mutate(data, most)

    def read(data: bytes) -> None:
        if time.monotonic() > end:
            reader.write()
            # libFuzzer takes every end that is not its own for a crash.
            (folder / "done").touch()
            os._exit(0)
        reader.read(data)

    flags = {
        "max_len": MOST_BYTES,
        "rss_limit_mb": 0,
        "timeout": 0,
        "seed": seed + 1,
        "artifact_prefix": f"{folder}/",
    }
    argv = [sys.argv[0], *(f"-{name}={value}" for name, value in flags.items()), str(corpus)]
    atheris.Setup(argv, read, custom_mutator=mutator)
    atheris.Fuzz()


def main() -> None:
    """Read inputs of one target for some seconds."""
    parser = argparse.ArgumentParser()
    parser.add_argument("target")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--guided", action="store_true")
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--input", type=Path, help="read this alone, and show its traceback")
    asked = parser.parse_args()
    if asked.guided:
        # Not left: whatever is imported while an input is read is watched as well.
        hook: Any = importlib.import_module("atheris").instrument_imports(include=["verigap"])
        hook.__enter__()
    # The table of targets brings the readers with it, which are to be watched.
    from tests.fuzz.targets import targets

    prepare()
    target = targets()[asked.target]
    if asked.input is not None:
        print(target.feed(asked.input.read_bytes(), asked.folder))
        return
    seeds = [data for data in target.seeds() if len(data) <= MOST_BYTES]
    reader = Reader(target.feed, target.refuses, asked.folder)
    end = time.monotonic() + asked.seconds
    for data in seeds:
        reader.read(data)
    limit_memory()
    if asked.guided:
        guided(reader, seeds, asked.seed, end, asked.folder)
    else:
        plain(reader.read, seeds, random.Random(asked.seed), end)
    reader.write()


if __name__ == "__main__":
    main()
