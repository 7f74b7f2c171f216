"""Parquet files that nobody vouches for, read by another process first.

Polars ends the process on some damaged pages: an allocation that fails is no exception. Nothing but
decoding a page tells, so that another process does it first. Files that this package writes carry
a seal, a digest of all the rest of them between their pages and their footer, where readers of
Parquet do not look; with it they are read at once.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

from verigap.storage.files import open_regular
from verigap.storage.parquet import ParquetError

_MARK = b"\0verigap seal 1\0"
_SEAL = len(_MARK) + hashlib.sha256().digest_size
_PIECE = 2**20
_SECONDS = 600.0
_FINE, _REFUSED = 0, 10
# A row group is decoded piece by piece, as the importers do, so that memory is bounded.
_TRIAL = """
import io, sys
import polars as pl
name = sys.argv[1]
try:
    data = pl.scan_parquet(name, glob=False) if name else (
        pl.read_parquet(io.BytesIO(sys.stdin.buffer.read())).lazy())
    for start in range(0, data.select(pl.len()).collect().item(), 65536):
        data.slice(start, 65536).collect()
except BaseException:
    sys.exit(10)
"""


def sealed(data: bytes) -> bytes:
    """The bytes of a Parquet file, with a seal.

    Example:
      >>> import io
      >>> import polars as pl
      >>> from verigap.storage.parquet_guard import is_sealed, sealed
      >>> file = io.BytesIO()
      >>> pl.DataFrame({"a": [1, 2]}).write_parquet(file)
      >>> data = sealed(file.getvalue())
      >>> is_sealed(data), pl.read_parquet(data)["a"].to_list()
      (True, [1, 2])
    """
    end = len(data) - _ending(data[-8:])
    return data[:end] + _MARK + hashlib.sha256(data).digest() + data[end:]


def seal_file(path: Path) -> None:
    """Put a seal on a Parquet file that was just written.

    Raises:
      OSError: the file cannot be read or written.
    """
    whole = hashlib.sha256()
    with path.open("r+b") as file:
        while piece := file.read(_PIECE):
            whole.update(piece)
        size = file.tell()
        file.seek(size - 8)
        end = size - _ending(file.read(8))
        file.seek(end)
        footer = file.read()
        file.seek(end)
        file.write(_MARK + whole.digest() + footer)


def is_sealed(source: Path | bytes) -> bool:
    """Whether a Parquet file is, to the byte, one that this package wrote.

    Raises:
      OSError: the file cannot be read.
    """
    if isinstance(source, bytes):
        size, footer = len(source), _ending(source[-8:])
        seal = source[-footer - _SEAL : -footer]
        if footer + _SEAL > size or not seal.startswith(_MARK):
            return False
        rest = source[: -footer - _SEAL], source[-footer:]
        return hashlib.sha256(b"".join(rest)).digest() == seal[len(_MARK) :]
    with open_regular(source) as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - 8))
        footer = _ending(file.read(8))
        if footer + _SEAL > size:
            return False
        file.seek(size - footer - _SEAL)
        seal = file.read(_SEAL)
        if not seal.startswith(_MARK):
            return False
        whole = hashlib.sha256()
        file.seek(0)
        left = size - footer - _SEAL
        while left and (piece := file.read(min(left, _PIECE))):
            whole.update(piece)
            left -= len(piece)
        file.seek(size - footer)
        whole.update(file.read())
        return whole.digest() == seal[len(_MARK) :]


def refuse_fatal(source: Path | bytes) -> None:
    """Refuse a Parquet file that Polars cannot read without ending the process.

    A file that carries no seal of this package is read by another process first, which takes a
    fifth of a second and as long as reading it does. A file that Polars refuses is not refused
    here: whoever reads it says why.

    Args:
      source: the file, or its content.

    Raises:
      ParquetError: so it is.
      OSError: the file cannot be read.
    """
    if is_sealed(source):
        return
    if isinstance(source, bytes):
        fine = _survived("", source)
    else:
        about = source.stat()
        fine = _file_survived(str(source.absolute()), about.st_size, about.st_mtime_ns)
    if not fine:
        raise ParquetError("its pages are damaged so that whoever reads them is ended or held up")


@lru_cache(maxsize=64)
def _file_survived(path: str, size: int, changed: int) -> bool:
    return _survived(path, b"")


def _survived(path: str, data: bytes) -> bool:
    """Whether a process that read the file, or the data, came to its end."""
    if not sys.executable:
        return True
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-c", _TRIAL, path],
            input=data,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=_SECONDS,
            check=False,
            env={**os.environ, "POLARS_MAX_THREADS": "1"},
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode in (_FINE, _REFUSED)


def _ending(last: bytes) -> int:
    """Bytes of the footer, its length and the mark after it, by the last eight bytes."""
    return int.from_bytes(last[:4], "little") + 8
