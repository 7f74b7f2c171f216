"""Long work in named stages, whose results are kept until all of it is done."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, TypeVar

from verigap.storage.digests import digest
from verigap.storage.files import write_durably
from verigap.storage.trees import tree_from_bytes, tree_to_bytes

_Result = TypeVar("_Result")


class RunStage(Protocol):
    """Runs a stage of some work, or knows its result already."""

    def __call__(self, name: str, compute: Callable[[], _Result]) -> _Result:
        """The result of a stage.

        Args:
          name: of the stage; no two stages of the same work have the same.
          compute: what makes the result; it depends on nothing that may differ when the work is
            done again.
        """
        ...


def run_stage(name: str, compute: Callable[[], _Result]) -> _Result:
    """Run a stage, and keep nothing.

    Example:
      >>> run_stage("counting", lambda: 2 + 2)
      4
    """
    return compute()


class KeptStages:
    """Results of stages in a folder, one file each; damaged ones count as missing.

    A result is found again under the identity of the work alone, so what is kept is never that of
    other inputs.

    Example:
      >>> import tempfile
      >>> from pathlib import Path
      >>> with tempfile.TemporaryDirectory() as folder:
      ...     kept = KeptStages(Path(folder, "stages"), "a digest of all inputs")
      ...     kept.write("fitting", (1.5, "tokens"))
      ...     kept.read("fitting"), kept.read("scoring")
      ([(1.5, 'tokens')], [])
    """

    def __init__(self, folder: Path, identity: str) -> None:
        """Nothing is read or written yet.

        Args:
          folder: made when the first result is kept.
          identity: everything that the results depend on, as text.
        """
        self.folder = folder
        self._identity = identity

    def read(self, name: str) -> list[Any]:
        """The result of a stage as the only entry, or nothing."""
        for path in self.folder.glob(f"{self._stem(name)}-*.npz"):
            try:
                data = path.read_bytes()
                if path.stem.rpartition("-")[2] == digest(data, 16):
                    return [tree_from_bytes(data)]
            # Written by a version whose classes were others.
            except (OSError, ValueError, TypeError, KeyError, ImportError):
                continue
        return []

    def write(self, name: str, result: object) -> None:
        """Keep the result of a stage.

        Raises:
          OSError: the folder cannot be written.
          TypeError: the result is none that can be kept.
        """
        data = tree_to_bytes(result)
        self.folder.mkdir(parents=True, exist_ok=True)
        write_durably(self.folder / f"{self._stem(name)}-{digest(data, 16)}.npz", data)

    def clear(self) -> None:
        """Remove everything that was kept, of other inputs too."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _stem(self, name: str) -> str:
        return digest(f"{self._identity}\n{name}".encode(), 16)
