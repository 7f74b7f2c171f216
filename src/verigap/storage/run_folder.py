"""The files of a run folder: made, locked, recognised, read, and refused in one line."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from filelock import FileLock, SoftFileLock, Timeout

from verigap.storage.digests import digest
from verigap.storage.drafts import draft_folder
from verigap.storage.files import read_regular, sync, write_durably
from verigap.storage.manifest import Manifest

CONFIG, PROVENANCE, FAILURES = "config.yaml", "provenance.json", "failures.parquet"
MANIFEST, CELLS, LOCK, OWNER = "manifest.json", "cells", "lock", "lock.owner"
_DIFF_LINES = 12


class StoreError(ValueError):
    """A run folder that cannot be used as asked; the message says what to do."""


def create(
    folder: Path,
    config_yaml: str,
    provenance: Mapping[str, object],
    cells: Sequence[str] | None,
) -> bool:
    """Put a new run folder in place; False where there is a run already.

    Raises:
      StoreError: other things lie there.
      OSError: it cannot be written.
    """
    if folder.exists():
        if not folder.is_dir():
            raise StoreError(f"{folder}: is a file, not a run folder; choose another path")
        if any(folder.iterdir()):
            _refuse_foreign(folder)
            return False
    folder.parent.mkdir(parents=True, exist_ok=True)
    config, account = config_yaml.encode(), as_json(provenance)
    manifest = Manifest(
        config=digest(config),
        provenance=(digest(account),),
        expected=None if cells is None else tuple(cells),
    )
    # Built beside its place and renamed, so that nobody ever sees half a run folder.
    with draft_folder(folder) as draft:
        (draft / CELLS).mkdir()
        write_durably(draft / CONFIG, config)
        write_durably(draft / PROVENANCE, account)
        write_durably(draft / MANIFEST, manifest.to_bytes())
        try:
            draft.rename(folder)
        except OSError:
            # Another process may have been faster; then there is a run now, and ours is dropped.
            if not folder.exists():
                raise
            _refuse_foreign(folder)
            return False
    sync(folder.parent)
    return True


def acquire(folder: Path) -> FileLock:
    """The lock of a run folder.

    Raises:
      StoreError: another process has it, or the file system has no locks.
    """
    # Not thread-local: a sweep may write from another thread than the one that opened the run.
    lock = FileLock(folder / LOCK, timeout=0, thread_local=False)
    try:
        lock.acquire()
    except Timeout:
        file = folder / OWNER
        owner = file.read_text().strip() if file.exists() else "another process"
        what = f"{folder}: in use by {owner}; wait for it to end or choose another path"
        raise StoreError(what) from None
    if isinstance(lock, SoftFileLock):
        # Where the file system has no locks filelock makes a file instead, which outlives a crash.
        lock.release()
        raise StoreError(f"{folder}: its file system has no file locks; choose another path")
    return lock


def is_run(folder: Path) -> bool:
    """Whether a folder looks like a run."""
    return (folder / CONFIG).is_file() and (folder / CELLS).is_dir()


def read_config(folder: Path) -> bytes:
    """The resolved configuration of a run, which is text.

    Raises:
      StoreError: it is not.
      OSError: it cannot be read.
    """
    data = read_regular(folder / CONFIG)
    try:
        data.decode()
    except UnicodeDecodeError:
        raise StoreError(f"{folder / CONFIG}: is damaged; choose another path") from None
    return data


def read_provenance(folder: Path) -> tuple[bytes, dict[str, Any]]:
    """The account of who computed a run, as bytes and as what they say.

    Raises:
      StoreError: there is none, or it is damaged.
    """
    try:
        data = read_regular(folder / PROVENANCE)
        content = json.loads(data)
    except (OSError, ValueError, RecursionError):
        data, content = b"", None
    if not isinstance(content, dict):
        raise StoreError(f"{folder / PROVENANCE}: missing or damaged; choose another path")
    return data, content


def read_manifest(folder: Path) -> Manifest | None:
    """The manifest of a run; None for one that was made before there were any.

    Raises:
      StoreError: it is damaged.
    """
    try:
        return Manifest.from_bytes(read_regular(folder / MANIFEST))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        why = str(error) if str(error).startswith(("is ", "was ")) else "is damaged"
        raise StoreError(
            f"{folder / MANIFEST}: {why}; put back the file that the run wrote, or sweep again "
            "into a new folder"
        ) from None


def refuse_dangling(folder: Path) -> None:
    """Name what would make a folder a run if its link led anywhere.

    Raises:
      StoreError: such a link is there.
    """
    for path in (folder / CONFIG, folder / CELLS):
        if path.is_symlink() and not path.exists():
            raise StoreError(f"{path}: is a link that leads nowhere or in a loop; mend the link")


def _refuse_foreign(folder: Path) -> None:
    refuse_dangling(folder)
    if not is_run(folder):
        raise StoreError(f"{folder}: holds other things than a run; choose a new folder")


def difference(folder: Path, found: str, asked: str) -> str:
    """Where the configuration of a run differs from the one that is asked for."""
    texts = (found.splitlines(), asked.splitlines())
    lines = list(difflib.unified_diff(*texts, "in the folder", "asked for", lineterm="", n=0))
    shown = lines[:_DIFF_LINES] or ["(only white space at the ends of lines differs)"]
    if len(lines) > _DIFF_LINES:
        shown.append(f"... and {len(lines) - _DIFF_LINES} more lines")
    head = f"{folder}: holds a run of another configuration; choose another path or remove it"
    return "\n".join([head, *shown])


def as_json(content: Mapping[str, object]) -> bytes:
    """An account as the bytes of its file."""
    return (json.dumps(content, indent=2, sort_keys=True) + "\n").encode()
