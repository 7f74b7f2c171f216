"""The command line as a user meets it: its exit code, and what it prints."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol
from unittest import mock

import jaxtyping
import polars as pl
import pytest

from verigap.cli import main as cli

Finished = subprocess.CompletedProcess[str]

SCRIPT = Path(sys.executable).with_name("verigap")
TIMEOUT = 300.0

# What a developer's shell or a CI runner may set and would change what is printed or computed.
_UNSET = ("COLUMNS", "FORCE_COLOR", "GITHUB_ACTIONS", "PY_COLORS", "XLA_FLAGS")


@dataclass(frozen=True)
class Command:
    """The installed `verigap`.

    Attributes:
      environment: set in every process it starts.
      timeout: seconds after which a hanging command fails the test.
    """

    environment: Mapping[str, str] = field(default_factory=dict)
    timeout: float = TIMEOUT

    def __call__(
        self, *arguments: object, cwd: Path | None = None, env: Mapping[str, str] | None = None
    ) -> Finished:
        """Run it to its end."""
        child = self.start(*arguments, cwd=cwd, env=env)
        stdout, stderr = child.communicate(timeout=self.timeout)
        return Finished(child.args, child.returncode, stdout, stderr)

    def start(
        self,
        *arguments: object,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        stdout: Any = subprocess.PIPE,
    ) -> subprocess.Popen[str]:
        """Start it; what it prints is piped unless `stdout` says otherwise."""
        inherited = {name: value for name, value in os.environ.items() if name not in _UNSET}
        return subprocess.Popen(
            [str(SCRIPT), *map(str, arguments)],
            cwd=cwd,
            env={**inherited, **self.environment, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
        )


class InProcess(Protocol):
    """`verigap` without a process of its own."""

    def __call__(self, *arguments: object, cwd: Path | None = None) -> Finished: ...


def run_here(*arguments: object, cwd: Path | None = None) -> Finished:
    """Call what the script calls, with all that a process of its own would have for itself.

    As there, annotations are not checked.
    """
    argv = ["verigap", *map(str, arguments)]
    environment = {name: value for name, value in os.environ.items() if name not in _UNSET}
    stdout, stderr = io.StringIO(), io.StringIO()
    with (
        contextlib.chdir(cwd or Path.cwd()),
        contextlib.redirect_stdout(stdout),
        contextlib.redirect_stderr(stderr),
        mock.patch.object(sys, "argv", argv),
        # A test process keeps its own way with closed pipes.
        mock.patch.object(signal, "signal"),
        mock.patch.dict(os.environ, environment, clear=True),
        mock.patch.object(jaxtyping.config, "jaxtyping_disable", True),
        pytest.raises(SystemExit) as ended,
    ):
        cli.main()
    assert isinstance(ended.value.code, int)
    return Finished(argv, ended.value.code, stdout.getvalue(), stderr.getvalue())


def succeeded(done: Finished) -> Finished:
    """The same, if it ended with exit code 0."""
    assert done.returncode == 0, f"{done.args}: {done.returncode}\n{done.stderr}"
    return done


def assert_refused(done: Finished, says: str = "") -> None:
    """One line on stderr that says `says`, exit code 2, and nothing else."""
    shown = f"{done.args}: exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stderr, shown
    assert done.returncode == 2, shown
    assert done.stdout == "", shown
    lines = done.stderr.splitlines()
    assert len(lines) == 1, shown
    assert lines[0].startswith("verigap: "), shown
    assert says in lines[0], shown
    # The user typed a path, not a Python object, and wants to read the whole message.
    assert "PosixPath" not in lines[0], shown
    assert len(lines[0]) < 1000, shown


def stored_rows(run: Path) -> list[dict[str, Any]]:
    """Rows of a run folder, one a cell, in order of the cells' names."""
    batches = [pl.read_parquet(path) for path in sorted((run / "cells").glob("*.parquet"))]
    rows = pl.concat(batches, how="diagonal_relaxed").sort("cell")
    # Which file is read first decides the order of the columns.
    return rows.select(sorted(rows.columns)).to_dicts()


def stored_files(run: Path) -> dict[str, tuple[int, bytes]]:
    """Time of the last change and content of every batch file."""
    return {
        path.name: (path.stat().st_mtime_ns, path.read_bytes())
        for path in (run / "cells").iterdir()
    }
