"""The run folder: what a sweep has computed so far, safe against kills, crashes and bit rot.

Layout: `config.yaml` (resolved), `provenance.json`, `cells/<first cell>-<checksum>.parquet` (a
batch of cells each), `failures.parquet`, `manifest.json` (what the others have to hold), and `lock`
with `lock.owner` beside it. Every file appears whole or not at all, and only the holder of the lock
writes. Who writes sets aside what is not the run's own; who reads refuses it.

The lock is the operating system's own (`filelock`): the kernel drops it when its process ends, by
whatever means, so there is no such thing as a stale lock and nothing to clean up by hand.
"""

from __future__ import annotations

import contextlib
import io
import os
import socket
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
from filelock import FileLock

from verigap.storage.belonging import (
    RUN_KEY,
    UNREADABLE,
    adopting,
    batch_name,
    batch_problem,
    cells_of,
    misplaced_cells,
    missing_batches,
    refuse,
    refuse_altered,
    repeated_cells,
    unreadable,
)
from verigap.storage.digests import digest
from verigap.storage.failures import NO_FAILURES, merged_failures
from verigap.storage.files import is_full, read_regular, sync, write_durably
from verigap.storage.manifest import Manifest
from verigap.storage.parquet import ParquetError
from verigap.storage.run_folder import (
    CELLS,
    FAILURES,
    MANIFEST,
    OWNER,
    PROVENANCE,
    StoreError,
    acquire,
    as_json,
    create,
    difference,
    is_run,
    read_config,
    read_manifest,
    read_provenance,
    refuse_dangling,
)
from verigap.storage.tables import decode_parquet, encode_parquet

__all__ = ["RunStore", "StoreError"]


class RunStore:
    """One run folder. Use `RunStore.open` to write (as a context manager) or `read_only` to look.

    Attributes:
      path: the folder.
      config_yaml: the resolved configuration of the run.
      provenance: the first session's account, with those of later ones under "resumed".
      manifest: what the folder has to hold; None for a run that was made before there were any.
      warnings: one line for each thing found damaged and set aside, in order of discovery.
    """

    def __init__(
        self, path: Path, lock: FileLock | None, cells: Sequence[str] | None = None
    ) -> None:
        """Not for callers: use `open` or `read_only`."""
        self.path = path
        self.warnings: list[str] = []
        self._lock = lock
        self._problems: dict[str, str] = {}
        self._late_provenance: Mapping[str, Any] | None = None
        self.manifest: Manifest | None = None
        self._load()
        if lock is not None:
            # Nobody else writes here while we hold the lock: a temporary file was left by a crash.
            for leftover in [*path.glob(".*.tmp"), *(path / CELLS).glob(".*.tmp")]:
                leftover.unlink(missing_ok=True)
        self._finished = {cell for batch in self._batches(["cell"]) for cell in batch["cell"]}
        if lock is not None:
            self._take_stock(cells)

    @classmethod
    def open(
        cls,
        path: str | Path,
        config_yaml: str,
        provenance: Mapping[str, object],
        cells: Sequence[str] | None = None,
    ) -> RunStore:
        """Create the run folder, or continue it if it holds a run of the same configuration.

        Args:
          path: the folder; missing, empty, or an earlier run.
          config_yaml: the resolved configuration as text; it identifies the run.
          provenance: JSON-serialisable account of who computes (see `collect_provenance`). A later
            session's is added to the first one's under "resumed" once it writes a batch.
          cells: names of the cells that the configuration lays out, to tell whether all are there.

        Raises:
          StoreError: the path is a file, another folder, a run of another configuration (the
            message shows the difference), altered, in use by another process, or not writable.
        """
        # The real path, so that a link to an empty folder is filled and not replaced.
        folder = Path(os.path.realpath(path))
        lock = None
        try:
            created = create(folder, config_yaml, provenance, cells)
            # A configuration never changes, so it is compared before anything is touched.
            found = read_config(folder).decode()
            if found != config_yaml:
                raise StoreError(difference(folder, found, config_yaml))
            lock = acquire(folder)
            owner = f"process {os.getpid()} on {socket.gethostname()}\n"
            write_durably(folder / OWNER, owner.encode())
            store = cls(folder, lock, cells)
        except BaseException as error:
            if lock is not None:
                lock.release()
            if not isinstance(error, OSError):
                raise
            raise StoreError(_unwritable(path, folder, error)) from None
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
        refuse_dangling(folder)
        if not is_run(folder):
            raise StoreError(f"{path}: is not a run folder; make one with `verigap sweep`")
        try:
            return cls(folder, None)
        except OSError as error:
            where = error.filename or path
            raise StoreError(f"{where}: cannot be read ({error.strerror})") from None

    def __enter__(self) -> RunStore:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Release the lock; the store can be read afterwards but not written."""
        if self._lock is not None:
            # A disk that is full leaves the last batch announced, which says as much.
            with contextlib.suppress(StoreError):
                self._settle()
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
        cells = cells_of(frame)
        data = encode_parquet(frame, {RUN_KEY: self._identity})
        name = batch_name(cells[0], data)
        self._announce(name, data)
        self._write(self.path / CELLS / name, data)
        self._finished.update(cells)
        if (self.path / FAILURES).exists():
            self._write_failures(self.failures())

    def read_cells(self) -> pl.DataFrame:
        """Every finished cell once, sorted by cell; columns a cell's batch lacks are null.

        The holder of the lock leaves damaged and foreign batches out, and names them in `warnings`.

        Raises:
          StoreError: the folder does not hold what its manifest says (nobody holds the lock here),
            or its batches disagree about a column.
        """
        batches = self._batches(None) if self._lock is not None else self._verified()
        none = pl.DataFrame(schema={"cell": pl.String})
        try:
            cells = pl.concat([none, *batches], how="diagonal_relaxed")
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
        if rows:
            self._write_failures(merged_failures(self.failures(), rows))

    def failures(self) -> pl.DataFrame:
        """Failed and not yet finished cells: `cell`, `error` and whatever was recorded."""
        path = self.path / FAILURES
        try:
            rows = decode_parquet(read_regular(path))
            return rows.filter(~pl.col("cell").is_in(list(self._finished))).sort("cell")
        except FileNotFoundError:
            return NO_FAILURES
        except (*UNREADABLE, ParquetError):
            self._set_aside(path, "is damaged")
            return NO_FAILURES

    def expected_cells(self) -> tuple[str, ...] | None:
        """Names of the cells that the run lays out; None where its manifest does not say."""
        return None if self.manifest is None else self.manifest.expected

    @property
    def _identity(self) -> str:
        return digest(self._config)

    def _load(self) -> None:
        """Read what the folder is and has to hold.

        Raises:
          StoreError: its configuration or provenance is not as the run left it.
        """
        # Whoever writes the run may replace the provenance just now, and then is done with it.
        for last in (False, True):
            self._config = read_config(self.path)
            self._provenance, self.provenance = read_provenance(self.path)
            self.manifest = read_manifest(self.path)
            if not refuse_altered(
                self.path, self.manifest, self._config, self._provenance, strict=last
            ):
                break
        self.config_yaml = self._config.decode()

    def _batches(self, columns: list[str] | None) -> Iterable[pl.DataFrame]:
        """Readable batches in order of name; damaged and foreign ones are set aside."""
        for path in sorted((self.path / CELLS).glob("*.parquet")):
            try:
                data = read_regular(path)
            except FileNotFoundError:
                if not path.is_symlink():
                    continue  # a writer set it aside since the folder was listed
                self._set_aside(path, "is a link that leads nowhere")
                continue
            except OSError as error:
                self._set_aside(path, unreadable(error))
                continue
            problem = batch_problem(path.name, data, self.manifest, self._identity)
            if problem is not None:
                self._set_aside(path, problem, foreign=problem.startswith("is "))
                continue
            try:
                yield pl.read_parquet(io.BytesIO(data), columns=columns)
            except UNREADABLE:
                self._set_aside(path, "is no table of cells")

    def _verified(self) -> list[pl.DataFrame]:
        """Every batch of a folder that holds what its manifest says; others are refused."""
        batches: list[pl.DataFrame] = []
        for _ in range(3):
            before = self.manifest
            self._problems = {}
            batches = list(self._batches(None))
            # Read after the folder was listed, so that whatever was there has been announced.
            self._load()
            if self.manifest == before:
                break
        cells = [cell for batch in batches for cell in batch["cell"]]
        wrong = missing_batches(self.path, self.manifest)
        wrong |= misplaced_cells(cells, self.expected_cells())
        wrong |= repeated_cells(cells) if self.manifest is None else {}
        refuse(self.path, {**self._problems, **wrong})
        return batches

    def _set_aside(self, path: Path, problem: str, *, foreign: bool = False) -> None:
        where = str(path.relative_to(self.path))
        self._problems[where] = problem
        then = "it is left out" if foreign else "its cells run again"
        if path.name == FAILURES:
            then = "the failed cells run again anyway"
        warning = f"{where} {problem}; {then}"
        if self._lock is not None:
            kept = path.with_name(path.name + (".foreign" if foreign else ".corrupt"))
            path.replace(kept)
            sync(path.parent)
            warning += f" (kept as {kept.name})"
        if warning not in self.warnings:
            self.warnings.append(warning)

    def _take_stock(self, cells: Sequence[str] | None) -> None:
        """Note what the folder holds as the run begins or goes on, and what it lost."""
        for where, problem in missing_batches(self.path, self.manifest).items():
            if where not in self._problems:
                self.warnings.append(f"{where} {problem}; its cells run again")
        if self.manifest is None:
            self.manifest = adopting(self.path, self._identity, digest(self._provenance))
            if batches := self.manifest.adopted:
                self.warnings.append(
                    f"the folder had no {MANIFEST}; its {len(batches)} files of cells are taken as "
                    "they are"
                )
        if cells is not None:
            self.manifest = replace(self.manifest, expected=tuple(cells))
        self._settle()

    def _announce(self, batch: str, data: bytes) -> None:
        """Note that a batch, and perhaps another provenance, is about to be written."""
        provenance, account = self.provenance, None
        if self._late_provenance is not None:
            sessions = [*provenance.get("resumed", []), dict(self._late_provenance)]
            provenance = {**provenance, "resumed": sessions}
            account = as_json(provenance)
        self.manifest = self._settled().announcing(batch, data, account)
        self._write(self.path / MANIFEST, self.manifest.to_bytes())
        # Before the batch: results never lack the account of who computed them.
        if account is not None:
            self._write(self.path / PROVENANCE, account)
            self._provenance, self.provenance, self._late_provenance = account, provenance, None

    def _settle(self) -> None:
        """Note what lies in the folder, if that is not what the manifest says."""
        settled = self._settled()
        data = settled.to_bytes()
        path = self.path / MANIFEST
        if settled != self.manifest or not path.exists() or path.read_bytes() != data:
            self._write(path, data)
        self.manifest = settled

    def _settled(self) -> Manifest:
        assert self.manifest is not None
        known = (*self.manifest.batches, *self.manifest.announced)
        there = [name for name in known if (self.path / CELLS / name).is_file()]
        return self.manifest.settled(there, self._provenance)

    def _write_failures(self, failures: pl.DataFrame) -> None:
        path = self.path / FAILURES
        if failures.height:
            self._write(path, encode_parquet(failures))
        else:
            path.unlink(missing_ok=True)

    def _write(self, path: Path, data: bytes) -> None:
        try:
            write_durably(path, data)
        except OSError as error:
            raise StoreError(
                f"{path}: cannot be written ({error.strerror}); the {len(self._finished)} finished "
                "cells are kept; free some space or permit it, then run the same command again to "
                "continue"
            ) from None

    def _require_lock(self) -> None:
        if self._lock is None:
            raise StoreError(f"{self.path}: this run folder is not open for writing")


def _unwritable(path: str | Path, folder: Path, error: OSError) -> str:
    """Why a folder cannot be opened as a run, what of a run is kept in it, and what to do."""
    if not is_full(error):
        where = error.filename or path
        return f"{where}: cannot be a run folder ({error.strerror}); choose another path"
    kept = "nothing was written"
    if is_run(folder):
        kept = f"the {len(RunStore.read_only(folder).finished_cells())} finished cells are kept"
    return (
        f"{path}: the disk is full ({error.strerror}); {kept}; free some space, then run the same "
        "command again"
    )
