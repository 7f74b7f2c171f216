"""Which files of a run folder are the run's own, and what is wrong with the others."""

from __future__ import annotations

import io
import os
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

import polars as pl

from verigap.storage.digests import digest
from verigap.storage.files import read_regular
from verigap.storage.manifest import Manifest
from verigap.storage.parquet import ParquetError, parquet_account
from verigap.storage.run_folder import CELLS, CONFIG, MANIFEST, PROVENANCE, StoreError

UNREADABLE = (pl.exceptions.PolarsError, pl.exceptions.PanicException)
"""What Polars raises on damaged files; a panic is no Exception."""

RUN_KEY = "verigap.run"
"""Where a batch file carries the identity of its run: the digest of the configuration."""

_BATCH_NAME = re.compile(r"(?P<cell>[\w-]+)-(?P<checksum>[0-9a-f]{16})\.parquet")
_CELL_ID = re.compile(r"\w[\w-]{0,127}", re.ASCII)
_NAMED = 3


def batch_name(first_cell: str, data: bytes) -> str:
    """The name of the file of a batch."""
    return f"{first_cell}-{digest(data, 16)}.parquet"


def refuse_bad_cells(cells: Iterable[str | None]) -> None:
    """Refuse what cannot be the name of a cell.

    Raises:
      StoreError: naming the first.
    """
    for cell in cells:
        if cell is None or not _CELL_ID.fullmatch(cell):
            raise StoreError(f"{cell!r} cannot name a cell; use letters, digits, '_' and '-'")


def cells_of(batch: pl.DataFrame) -> list[str]:
    """The names of the cells of a batch, one row a cell.

    Raises:
      StoreError: no rows, no usable column `cell`, or a cell twice.
    """
    if batch.height == 0 or batch.schema.get("cell") != pl.String:
        raise StoreError("a batch of results needs rows and a text column 'cell'")
    cells = batch["cell"].to_list()
    refuse_bad_cells(cells)
    if len(set(cells)) < len(cells):
        raise StoreError("a batch of results holds a cell twice")
    return cells


def batch_problem(batch: str, data: bytes, manifest: Manifest | None, identity: str) -> str | None:
    """Why the file of a batch is not as a run wrote it; None where it is.

    Args:
      batch: name of the file.
      data: its content.
      manifest: of the run; None where it has none.
      identity: digest of the configuration of the run.
    """
    name = _BATCH_NAME.fullmatch(batch)
    if name is None or digest(data, 16) != name["checksum"]:
        return "fails its checksum"
    try:
        parquet_account(data)
    except ParquetError as error:
        return f"cannot be read as Parquet ({error})"
    try:
        run = pl.read_parquet_metadata(io.BytesIO(data)).get(RUN_KEY)
    except UNREADABLE:
        return None  # reading it says what is wrong
    if run not in (None, identity):
        return "is of another run (another configuration or seed)"
    if manifest is None or manifest.digest_of(batch) == digest(data):
        return None
    if digest(data) in manifest.batches.values():
        return "is a copy of another batch of the run"
    return f"is none of the batches of this run, by {MANIFEST}"


def refuse_altered(
    folder: Path, manifest: Manifest | None, config: bytes, provenance: bytes, *, strict: bool
) -> bool:
    """Whether a configuration or a provenance is not as the run left it.

    Raises:
      StoreError: so it is, and `strict`.
    """
    if manifest is None:
        return False
    for name, data, known in (
        (CONFIG, config, (manifest.config,)),
        (PROVENANCE, provenance, manifest.provenance),
    ):
        if digest(data) not in known:
            if strict:
                raise StoreError(
                    f"{folder / name}: is not as the run left it, by {MANIFEST}; put back the file "
                    "that the run wrote, or sweep again into a new folder"
                )
            return True
    return False


def missing_batches(folder: Path, manifest: Manifest | None) -> dict[str, str]:
    """What the manifest has and the folder has not, by its name, and that it is missing."""
    return {
        f"{CELLS}/{name}": "is missing"
        for name in (() if manifest is None else manifest.batches)
        if not os.path.lexists(folder / CELLS / name)
    }


def adopting(folder: Path, identity: str, provenance: str) -> Manifest:
    """A manifest for a folder that has none; its batches are taken as they are.

    Args:
      folder: of the run.
      identity: digest of its configuration.
      provenance: digest of its provenance.
    """
    paths = sorted((folder / CELLS).glob("*.parquet"))
    batches = {path.name: digest(read_regular(path)) for path in paths}
    return Manifest(
        config=identity, provenance=(provenance,), batches=batches, adopted=tuple(batches)
    )


def repeated_cells(cells: Iterable[str]) -> dict[str, str]:
    """Cells that are there more than once, which no run without a manifest writes."""
    twice = sorted(cell for cell, count in Counter(cells).items() if count > 1)
    return {f"cell {cell}": "lies in two batches" for cell in twice}


def misplaced_cells(cells: Iterable[str], expected: Collection[str] | None) -> dict[str, str]:
    """Cells that the run does not lay out.

    Args:
      cells: names of those that are there.
      expected: names of those that the run lays out; None where that is not known.
    """
    other = () if expected is None else sorted({*cells} - {*expected})
    return {f"cell {cell}": "is none of the cells of this run" for cell in other}


def refuse(folder: Path, problems: Mapping[str, str]) -> None:
    """Refuse a folder that does not hold what its run wrote, if there are problems.

    Raises:
      StoreError: one line that names what is wrong.
    """
    if not problems:
        return
    named = "; ".join(f"{where} {what}" for where, what in [*problems.items()][:_NAMED])
    more = f"; and {len(problems) - _NAMED} more" if len(problems) > _NAMED else ""
    raise StoreError(
        f"{folder}: {named}{more}; put back the files of the run, or run the command that made it "
        "again, which sets aside what is not its own and computes what lacks"
    )


def unreadable(error: OSError) -> str:
    """Why a file cannot be read, as the end of a sentence that begins with its name."""
    why = str(error.strerror)
    return why if why.startswith("is ") else f"cannot be read ({why})"
