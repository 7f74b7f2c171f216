"""Sampling of engines without a model on Ray, and what their tables are compared by.

Run as a module, it is the command `verigap` with the engine that `VERIGAP_TEST_ENGINE` names.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import polars as pl

from tests.llm_validation.scripted import SCRIPTS, Scripted
from tests_ray.children import Children
from verigap.cli.interrupts import guarded
from verigap.cli.main import main
from verigap.llm_validation.sampling import loading
from verigap.llm_validation.sampling.engine import (
    Completion,
    Decoding,
    Engine,
    EngineError,
    ModelSpec,
    Request,
)

VARIABLE = "VERIGAP_TEST_ENGINE"
SECONDS = 0.3
"""A batch takes so long that there is time to lose its engine."""


class Slow(Scripted):
    """Takes a while."""

    def __init__(self) -> None:
        super().__init__([script for script in SCRIPTS if "hang" not in script])

    def generate(
        self,
        requests: Sequence[Request],
        decoding: Decoding,
        report: Callable[[int], None] | None = None,
    ) -> list[Completion]:
        time.sleep(SECONDS)
        return super().generate(requests, decoding, report)


class Deadly(Slow):
    """Ends its process in one batch, which comes after some others."""

    def generate(
        self,
        requests: Sequence[Request],
        decoding: Decoding,
        report: Callable[[int], None] | None = None,
    ) -> list[Completion]:
        if all(bytes(request.prompt).endswith(b"5 is\n>") for request in requests):
            os.kill(os.getpid(), signal.SIGKILL)
        return super().generate(requests, decoding, report)


class Failing(Slow):
    """Cannot make one batch."""

    def generate(
        self,
        requests: Sequence[Request],
        decoding: Decoding,
        report: Callable[[int], None] | None = None,
    ) -> list[Completion]:
        if all(bytes(request.prompt).endswith(b"5 is\n>") for request in requests):
            raise RuntimeError("out of memory\nof all of it")
        return super().generate(requests, decoding, report)


class Unlike(Slow):
    """Another model in every process."""

    def __init__(self) -> None:
        super().__init__()
        self.identity: Mapping[str, str] = {**self.identity, "fingerprint": f"of {os.getpid()}"}


def refused() -> Engine:
    """No engine."""
    raise EngineError("model.gguf: no such file; check the model")


ENGINES: Mapping[str, Callable[[], Engine]] = {
    "slow": Slow, "deadly": Deadly, "failing": Failing, "unlike": Unlike, "refused": refused,
}  # fmt: skip


def load(kind: str, name: str, spec: ModelSpec) -> Engine:
    """An engine of a kind, whatever the command asks for."""
    return ENGINES[kind]()


class Sampling(Children):
    """Runs of `verigap sample` in a folder.

    Args:
      folder: for the questions and the tables.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder
        questions = [f'{{"question": "{i} is", "answer": {4 + i % 2}}}' for i in range(8)]
        (folder / "digits.jsonl").write_text("\n".join(questions))

    def start(
        self, out: Path, *options: object, kind: str = "slow", seed: int = 0
    ) -> subprocess.Popen[str]:
        """Start 24 samples in 12 batches."""
        command = (
            "sample", "--model", "none",
            "--task", "jsonl:digits.jsonl", "--style", "plain", "--max-tokens", 40,
            "--prompts", 8, "--samples", 3, "--batch-size", 2, "--workers", 1, "--seed", seed,
            # A slow machine would have its bar drawn.
            "--quiet", "--out", out, *options,
        )  # fmt: skip
        return self.run_module(
            "tests_ray.sampling", *command, folder=self._folder, variables={VARIABLE: kind}
        )


def ended(child: subprocess.Popen[str]) -> str:
    """What a run that is to succeed prints, once it has ended."""
    stdout, stderr = child.communicate(timeout=300)
    assert (child.returncode, stderr) == (0, "")
    return stdout


def failed(child: subprocess.Popen[str], code: int) -> str:
    """The line that a run ends with which is to fail."""
    stdout, stderr = child.communicate(timeout=300)
    assert (child.returncode, stdout) == (code, ""), stderr
    (line,) = stderr.splitlines()
    return line


def rows(table: Path) -> list[dict[str, object]]:
    """Rows of a table, in their order."""
    return pl.read_parquet(table).to_dicts()


def kept(out: Path) -> int:
    """Samples among the parts of a table."""
    cells = out.with_name(f"{out.name}.parts") / "cells"
    return sum(pl.read_parquet(path).height for path in cells.glob("*.parquet"))


if __name__ == "__main__":
    import functools

    from tests_ray import sampling

    loading.load_engine = functools.partial(sampling.load, os.environ[VARIABLE])
    guarded(main)
