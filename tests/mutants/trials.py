"""A copy of the repository in which one module at a time is altered and tested."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

# The failed test, or the file that could not even be collected.
_FAILED = re.compile(r"^(?:FAILED|ERROR) (.+?)(?: - .*)?$", re.MULTILINE)
_COLLECTED = re.compile(r"\d+ (?:passed|failed)")


class End(Enum):
    """What became of a mutant."""

    KILLED = "killed"
    TIMED_OUT = "timed out"
    UNUSABLE = "does not import"
    SURVIVED = "survived"


@dataclass(frozen=True, kw_only=True)
class Trial:
    """How the tests ended on a mutant.

    Attributes:
      end: what became of it.
      seconds: how long the tests took.
      test: the first test that failed; empty where none did.
    """

    end: End
    seconds: float
    test: str = ""


class Copy:
    """A copy of the files of a repository, for one test process at a time."""

    def __init__(self, root: Path, names: Sequence[str], folder: Path, python: Path) -> None:
        """Make the copy in a folder that is emptied first.

        Args:
          root: of the repository.
          names: of its files.
          folder: where the copy lies.
          python: interpreter that has what the tests need.
        """
        self._root, self._folder, self._python = root, folder, python
        shutil.rmtree(folder, ignore_errors=True)
        for name in names:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, folder / name, follow_symlinks=False)

    def test(self, tests: Sequence[str], timeout: float) -> Trial:
        """Run tests until one fails, for at most so many seconds."""
        words = ["-m", "pytest", "-x", "-q", "-n0", "-p", "no:cacheprovider", "--tb=no", *tests]
        return self.run(words, timeout)

    def run(
        self, words: Sequence[str], timeout: float, variables: Mapping[str, str] | None = None
    ) -> Trial:
        """Run Python with words that start pytest, and with further environment variables.

        Folders of packages in PYTHONPATH follow that of the copy.
        """
        more = dict(variables or {})
        path = [str(self._folder / "src"), *filter(None, [more.pop("PYTHONPATH", "")])]
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(path),
            # What is compiled depends on the program alone, so that mutants may share it.
            "VERIGAP_CACHE": str(self._root / "build" / "programs"),
            **more,
        }
        began = time.monotonic()
        child = subprocess.Popen(
            [str(self._python), *words],
            cwd=self._folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            said, _ = child.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            # With the processes that tests have started.
            os.killpg(child.pid, signal.SIGKILL)
            child.communicate()
            return Trial(end=End.TIMED_OUT, seconds=time.monotonic() - began)
        seconds = time.monotonic() - began
        if child.returncode == 0:
            return Trial(end=End.SURVIVED, seconds=seconds)
        failed = _FAILED.search(said)
        end = End.KILLED if _COLLECTED.search(said) else End.UNUSABLE
        return Trial(end=end, seconds=seconds, test=failed[1] if failed else "")

    def try_out(self, module: str, altered: str, tests: Sequence[str], timeout: float) -> Trial:
        """Run tests with one module altered, which is put back afterwards."""
        path = self._folder / module
        sound = path.read_text()
        try:
            self._write(path, altered)
            return self.test(tests, timeout)
        finally:
            self._write(path, sound)

    def _write(self, path: Path, source: str) -> None:
        before = path.stat().st_mtime
        path.write_text(source)
        # Compiled files are told apart by the second and the size of their source.
        os.utime(path, (before + 2, before + 2))
