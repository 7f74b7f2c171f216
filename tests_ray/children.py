"""Processes that a test starts, none of which outlives it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path


class Children:
    """The processes of one test."""

    def __init__(self) -> None:
        self._children: list[subprocess.Popen[str]] = []

    def kept(self, child: subprocess.Popen[str]) -> subprocess.Popen[str]:
        """The process, which is ended with the test."""
        self._children.append(child)
        return child

    def run_module(
        self,
        module: str,
        *arguments: object,
        folder: Path,
        variables: Mapping[str, str] | None = None,
    ) -> subprocess.Popen[str]:
        """Start a module in a folder, with environment variables beside those of the tests."""
        return self.kept(
            subprocess.Popen(
                [sys.executable, "-m", module, *map(str, arguments)],
                cwd=folder,
                env={**os.environ, **(variables or {})},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )

    def end_all(self) -> None:
        """End what a test that failed has left running."""
        for child in self._children:
            if child.poll() is None:
                child.terminate()
                child.communicate()
        self._children.clear()
