"""The trial reading of Parquet files, by one process for many of them: one for each is slow."""

from __future__ import annotations

import subprocess
import sys
import tempfile

_TRIALS = """
import sys
import polars as pl
for name in sys.stdin:
    try:
        data = pl.scan_parquet(name.rstrip(), glob=False)
        for start in range(0, data.select(pl.len()).collect().item(), 65536):
            data.slice(start, 65536).collect()
        with open(name.rstrip(), "rb") as file:
            pl.read_parquet(file)
    except BaseException:
        pass
    print(flush=True)
"""


class Trials:
    """Stands in for `parquet_guard._survived`.

    Attributes:
      deaths: how many files ended the process that read them.
    """

    def __init__(self) -> None:
        """The first process starts."""
        self.deaths = 0
        self._child = self._start()

    def survived(self, path: str, data: bytes) -> bool:
        """Whether the process is still there once it has read the file, or the data."""
        with tempfile.NamedTemporaryFile(suffix=".parquet") as file:
            if not path:
                file.write(data)
                file.flush()
            assert self._child.stdin is not None
            assert self._child.stdout is not None
            self._child.stdin.write(f"{path or file.name}\n")
            self._child.stdin.flush()
            if self._child.stdout.readline():
                return True
        self._child.wait()
        self.deaths += 1
        self._child = self._start()
        return False

    def close(self) -> None:
        """End the process."""
        self._child.kill()
        self._child.communicate()

    def _start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-I", "-c", _TRIALS],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
