"""Hidden folders for what is not finished; what a killed process left, the next one removes.

A draft belongs to the process that holds the lock on it. The lock is the operating system's own,
which the kernel drops when its process ends, by whatever means.
"""

from __future__ import annotations

import contextlib
import fcntl
import glob
import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def draft_folder(path: Path) -> Iterator[Path]:
    """A hidden folder beside `path` for the time that something takes to make.

    Drafts of the same path whose process was killed are removed first; those of a process that
    lives are left alone. What is in the draft at the end is removed, unless it was moved.

    Args:
      path: what the draft is for; its folder has to exist.

    Raises:
      OSError: the folder cannot be written.

    Example:
      >>> import tempfile
      >>> from pathlib import Path
      >>> from verigap.storage.drafts import draft_folder
      >>> with tempfile.TemporaryDirectory() as folder:
      ...     with draft_folder(Path(folder, "table")) as draft:
      ...         _ = (draft / "piece").write_text("half")
      ...         names = [path.name[:7] for path in Path(folder).iterdir()]
      ...     names, list(Path(folder).iterdir())
      (['.table.'], [])
    """
    _remove_abandoned(path)
    draft, descriptor = _locked_draft(path)
    try:
        yield draft
    finally:
        shutil.rmtree(draft, ignore_errors=True)
        os.close(descriptor)


def _remove_abandoned(path: Path) -> None:
    for draft in path.parent.glob(f".{glob.escape(path.name)}.*.tmp"):
        with contextlib.suppress(OSError):
            descriptor = os.open(draft, os.O_RDONLY | os.O_DIRECTORY)
            try:
                # Refused while its process lives.
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(draft, ignore_errors=True)
            finally:
                os.close(descriptor)


def _locked_draft(path: Path) -> tuple[Path, int]:
    while True:
        draft = path.with_name(f".{path.name}.{uuid.uuid4().hex[:16]}.tmp")
        draft.mkdir()
        try:
            descriptor = os.open(draft, os.O_RDONLY | os.O_DIRECTORY)
        except FileNotFoundError:
            # Another process, in its turn, took it for abandoned.
            continue
        # Where the file system has no locks, nobody can take this draft for abandoned either.
        with contextlib.suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        # Another process may have removed it before it was locked.
        if draft.exists():
            return draft, descriptor
        os.close(descriptor)
