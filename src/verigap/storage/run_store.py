"""The run folder: what a sweep has computed so far, safe against kills, crashes and bit rot.

Layout: `config.yaml` (resolved), `provenance.json`, `cells/<first cell>-<checksum>.parquet` (one
file a batch), `failures.parquet`, and `lock` with `lock.owner` beside it. Every file appears whole
or not at all, and only the holder of the lock writes.

The lock is the operating system's own (`filelock`): the kernel drops it when its process ends, by
whatever means, so there is no such thing as a stale lock and nothing to clean up by hand.
"""

from __future__ import annotations

import difflib
import io
import json
import os
import re
import socket
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl
from filelock import FileLock, SoftFileLock, Timeout

from verigap.storage.digests import digest
from verigap.storage.drafts import draft_folder
from verigap.storage.files import sync, write_durably

_CONFIG, _PROVENANCE, _FAILURES = "config.yaml", "provenance.json", "failures.parquet"
_CELLS, _LOCK, _OWNER = "cells", "lock", "lock.owner"
_BATCH_NAME = re.compile(r"(?P<cell>[\w-]+)-(?P<checksum>[0-9a-f]{16})\.parquet")
_CELL_ID = re.compile(r"\w[\w-]{0,127}", re.ASCII)
_UNREADABLE = (pl.exceptions.PolarsError, pl.exceptions.PanicException)
_DIFF_LINES = 12


class StoreError(ValueError):
    """A run folder that cannot be used as asked; the message says what to do."""


class RunStore:
    """One run folder. Use `RunStore.open` to write (as a context manager) or `read_only` to look.

    Attributes:
      path: the folder.
      config_yaml: the resolved configuration of the run.
      provenance: the first session's account, with those of later ones under "resumed".
      warnings: one line for each thing found damaged and set aside, in order of discovery.
    """

    def __init__(self, path: Path, lock: FileLock | None) -> None:
        """Not for callers: use `open` or `read_only`."""
        self.path = path
        self.warnings: list[str] = []
        self._lock = lock
        self._late_provenance: Mapping[str, Any] | None = None
        self.config_yaml = _read_config(path)
        self.provenance = _read_provenance(path)
        if lock is not None:
            # Nobody else writes here while we hold the lock: a temporary file was left by a crash.
            for leftover in [*path.glob(".*.tmp"), *(path / _CELLS).glob(".*.tmp")]:
                leftover.unlink(missing_ok=True)
        self._finished = {cell for batch in self._batches(["cell"]) for cell in batch["cell"]}

    @classmethod
    def open(cls, path: str | Path, config_yaml: str, provenance: Mapping[str, object]) -> RunStore:
        """Create the run folder, or continue it if it holds a run of the same configuration.

        Args:
          path: the folder; missing, empty, or an earlier run.
          config_yaml: the resolved configuration as text; it identifies the run.
          provenance: JSON-serialisable account of who computes (see `collect_provenance`). A later
            session's is added to the first one's under "resumed" once it writes a batch.

        Raises:
          StoreError: the path is a file, another folder, a run of another configuration (the
            message shows the difference), in use by another process, or not writable.
        """
        # The real path, so that a link to an empty folder is filled and not replaced.
        folder = Path(os.path.realpath(path))
        lock = None
        try:
            created = _create(folder, config_yaml, provenance)
            # A configuration never changes, so it is compared before anything is touched.
            found = _read_config(folder)
            if found != config_yaml:
                raise StoreError(_difference(folder, found, config_yaml))
            lock = _acquire(folder)
            owner = f"process {os.getpid()} on {socket.gethostname()}\n"
            write_durably(folder / _OWNER, owner.encode())
            store = cls(folder, lock)
        except BaseException as error:
            if lock is not None:
                lock.release()
            if not isinstance(error, OSError):
                raise
            what = f"{path}: cannot be a run folder ({error.strerror}); choose another path"
            raise StoreError(what) from None
        store._late_provenance = None if created else provenance
        return store

    @classmethod
    def read_only(cls, path: str | Path) -> RunStore:
        """A run folder to look at, without lock and without changing anything in it.

        Raises:
          StoreError: there is no run folder at this path.
        """
        folder = Path(path)
        if not folder.is_dir():
            raise StoreError(f"{path}: no run folder there; make one with `verigap sweep`")
        if not _is_run(folder):
            raise StoreError(f"{path}: is not a run folder; make one with `verigap sweep`")
        try:
            return cls(folder, None)
        except OSError as error:
            raise StoreError(f"{path}: cannot be read ({error.strerror})") from None

    def __enter__(self) -> RunStore:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Release the lock; the store can be read afterwards but not written."""
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def finished_cells(self) -> set[str]:
        """Cells whose results are safely stored."""
        return set(self._finished)

    def write_batch(self, frame: pl.DataFrame) -> None:
        """Store the results of finished cells, one row a cell, and clear their failures.

        Args:
          frame: a text column `cell` and whatever the cells have to report.

        Raises:
          StoreError: no rows, no usable `cell` column, a cell twice, or the disk refuses.
        """
        self._require_lock()
        if frame.height == 0 or frame.schema.get("cell") != pl.String:
            raise StoreError("a batch of results needs rows and a text column 'cell'")
        cells = frame["cell"].to_list()
        _refuse_bad_cells(cells)
        if len(set(cells)) < len(cells):
            raise StoreError("a batch of results holds a cell twice")
        data = _parquet(frame)
        # Before the batch: results never lack the account of who computed them.
        self._record_late_provenance()
        self._write(self.path / _CELLS / f"{cells[0]}-{_checksum(data)}.parquet", data)
        self._finished.update(cells)
        if (self.path / _FAILURES).exists():
            self._write_failures(self.failures())

    def read_cells(self) -> pl.DataFrame:
        """Every finished cell once, sorted by cell; columns a cell's batch lacks are null.

        Damaged batches are left out, and named in `warnings`.
        """
        none = pl.DataFrame(schema={"cell": pl.String})
        try:
            cells = pl.concat([none, *self._batches(None)], how="diagonal_relaxed")
        except pl.exceptions.PolarsError as error:
            what = f"batches disagree about a column ({str(error).splitlines()[0]})"
            raise StoreError(f"{self.path}: {what}; run the sweep into a new folder") from None
        # A batch that is damaged does not count as finished.
        self._finished = set(cells["cell"])
        return cells.unique("cell", keep="first", maintain_order=True).sort("cell")

    def record_failures(self, rows: Sequence[Mapping[str, object]]) -> None:
        """Note cells that failed; each row has `cell`, `error` and perhaps more.

        A later failure of a cell replaces the earlier one; a success clears it.

        Raises:
          StoreError: a row lacks `cell` or `error`, or the disk refuses.
        """
        self._require_lock()
        if not rows:
            return
        if any(not isinstance(row.get(name), str) for row in rows for name in ("cell", "error")):
            raise StoreError("a failure needs a text 'cell' and a text 'error'")
        _refuse_bad_cells(str(row["cell"]) for row in rows)
        # As text, because people read it and types would differ between rows.
        texts = [{name: str(value) for name, value in row.items()} for row in rows]
        new = pl.DataFrame(texts, infer_schema_length=None)
        merged = pl.concat([self.failures(), new], how="diagonal_relaxed")
        self._write_failures(merged.unique("cell", keep="last", maintain_order=True))

    def failures(self) -> pl.DataFrame:
        """Failed and not yet finished cells: `cell`, `error` and whatever was recorded."""
        path = self.path / _FAILURES
        empty = pl.DataFrame(schema={"cell": pl.String, "error": pl.String})
        try:
            rows = pl.read_parquet(io.BytesIO(path.read_bytes()))
            return rows.filter(~pl.col("cell").is_in(list(self._finished))).sort("cell")
        except FileNotFoundError:
            return empty
        except _UNREADABLE:
            self._set_aside(path, "is damaged; the failed cells run again anyway")
            return empty

    def _batches(self, columns: list[str] | None) -> Iterable[pl.DataFrame]:
        """Readable batches in order of name; damaged ones are set aside."""
        for path in sorted((self.path / _CELLS).glob("*.parquet")):
            name = _BATCH_NAME.fullmatch(path.name)
            try:
                data = path.read_bytes()
            except FileNotFoundError:
                continue  # a writer set it aside since the folder was listed
            if name is None or _checksum(data) != name["checksum"]:
                self._set_aside(path, "fails its checksum; its cells run again")
                continue
            try:
                yield pl.read_parquet(io.BytesIO(data), columns=columns)
            except _UNREADABLE:
                self._set_aside(path, "is no table of cells; its cells run again")

    def _set_aside(self, path: Path, problem: str) -> None:
        warning = f"{path.relative_to(self.path)} {problem}"
        if self._lock is not None:
            path.replace(path.with_name(path.name + ".corrupt"))
            sync(path.parent)
            warning += f" (kept as {path.name}.corrupt)"
        if warning not in self.warnings:
            self.warnings.append(warning)

    def _record_late_provenance(self) -> None:
        if self._late_provenance is None:
            return
        sessions = [*self.provenance.get("resumed", []), dict(self._late_provenance)]
        self.provenance = {**self.provenance, "resumed": sessions}
        self._write(self.path / _PROVENANCE, _json(self.provenance))
        self._late_provenance = None

    def _write_failures(self, failures: pl.DataFrame) -> None:
        path = self.path / _FAILURES
        if failures.height:
            self._write(path, _parquet(failures))
        else:
            path.unlink(missing_ok=True)

    def _write(self, path: Path, data: bytes) -> None:
        try:
            write_durably(path, data)
        except OSError as error:
            raise StoreError(
                f"{path}: cannot be written ({error.strerror}); free some space or permit it, then "
                "run the same command again to continue"
            ) from None

    def _require_lock(self) -> None:
        if self._lock is None:
            raise StoreError(f"{self.path}: this run folder is not open for writing")


def _create(folder: Path, config_yaml: str, provenance: Mapping[str, object]) -> bool:
    """Put a new run folder in place; False where there is a run already."""
    if folder.exists():
        if not folder.is_dir():
            raise StoreError(f"{folder}: is a file, not a run folder; choose another path")
        if any(folder.iterdir()):
            _refuse_foreign(folder)
            return False
    folder.parent.mkdir(parents=True, exist_ok=True)
    # Built beside its place and renamed, so that nobody ever sees half a run folder.
    with draft_folder(folder) as draft:
        (draft / _CELLS).mkdir()
        write_durably(draft / _CONFIG, config_yaml.encode())
        write_durably(draft / _PROVENANCE, _json(provenance))
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


def _acquire(folder: Path) -> FileLock:
    # Not thread-local: a sweep may write from another thread than the one that opened the run.
    lock = FileLock(folder / _LOCK, timeout=0, thread_local=False)
    try:
        lock.acquire()
    except Timeout:
        file = folder / _OWNER
        owner = file.read_text().strip() if file.exists() else "another process"
        what = f"{folder}: in use by {owner}; wait for it to end or choose another path"
        raise StoreError(what) from None
    if isinstance(lock, SoftFileLock):
        # Where the file system has no locks filelock makes a file instead, which outlives a crash.
        lock.release()
        raise StoreError(f"{folder}: its file system has no file locks; choose another path")
    return lock


def _refuse_foreign(folder: Path) -> None:
    if not _is_run(folder):
        raise StoreError(f"{folder}: holds other things than a run; choose a new folder")


def _is_run(folder: Path) -> bool:
    return (folder / _CONFIG).is_file() and (folder / _CELLS).is_dir()


def _read_config(folder: Path) -> str:
    try:
        return (folder / _CONFIG).read_bytes().decode()
    except UnicodeDecodeError:
        raise StoreError(f"{folder / _CONFIG}: is damaged; choose another path") from None


def _read_provenance(folder: Path) -> dict[str, Any]:
    try:
        content = json.loads((folder / _PROVENANCE).read_bytes())
    except (OSError, ValueError):
        content = None
    if not isinstance(content, dict):
        raise StoreError(f"{folder / _PROVENANCE}: missing or damaged; choose another path")
    return content


def _difference(folder: Path, found: str, asked: str) -> str:
    texts = (found.splitlines(), asked.splitlines())
    lines = list(difflib.unified_diff(*texts, "in the folder", "asked for", lineterm="", n=0))
    shown = lines[:_DIFF_LINES] or ["(only white space at the ends of lines differs)"]
    if len(lines) > _DIFF_LINES:
        shown.append(f"... and {len(lines) - _DIFF_LINES} more lines")
    head = f"{folder}: holds a run of another configuration; choose another path or remove it"
    return "\n".join([head, *shown])


def _parquet(frame: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.write_parquet(buffer)
    return buffer.getvalue()


def _refuse_bad_cells(cells: Iterable[str | None]) -> None:
    for cell in cells:
        if cell is None or not _CELL_ID.fullmatch(cell):
            raise StoreError(f"{cell!r} cannot name a cell; use letters, digits, '_' and '-'")


def _checksum(data: bytes) -> str:
    return digest(data, 16)


def _json(content: Mapping[str, object]) -> bytes:
    return (json.dumps(content, indent=2, sort_keys=True) + "\n").encode()
