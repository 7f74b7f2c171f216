"""Tables on disk: read and written whole or not at all, with every failure in one line."""

from __future__ import annotations

import errno
import io
from collections.abc import Callable
from pathlib import Path

import polars as pl

from verigap.storage.files import read_regular, remedy, write_durably
from verigap.storage.parquet import parquet_account
from verigap.storage.parquet_guard import refuse_fatal, sealed


def decode_parquet(data: bytes) -> pl.DataFrame:
    """The table of a Parquet file, once what the file says of itself has been looked at.

    Raises:
      ValueError: the file is damaged, or claims what cannot be.
    """
    parquet_account(data)
    refuse_fatal(data)
    return pl.read_parquet(io.BytesIO(data))


def encode_parquet(frame: pl.DataFrame, metadata: dict[str, str] | None = None) -> bytes:
    """A table as the content of a Parquet file.

    Args:
      frame: the table.
      metadata: what the file says of itself beside the table.

    Example:
      >>> import polars as pl
      >>> from verigap.storage.tables import decode_parquet, encode_parquet
      >>> decode_parquet(encode_parquet(pl.DataFrame({"a": [1, 2]})))["a"].to_list()
      [1, 2]
    """
    buffer = io.BytesIO()
    frame.write_parquet(buffer, metadata=metadata)
    return sealed(buffer.getvalue())


class TableError(ValueError):
    """A table file or frame that cannot be used; the message is one line saying what to do."""


def load_frame(
    path: str | Path, decode: Callable[[bytes], pl.DataFrame], kind: str
) -> pl.DataFrame:
    """Read a file and decode it, with every way this can fail put into one line.

    Raises:
      TableError: the file is missing, unreadable, empty, or `decode` fails on it.

    Example:
      >>> load_frame("examples/smollm2_products.parquet", pl.read_parquet, "a Parquet file").height
      1024
    """
    try:
        data = read_regular(Path(path))
    except FileNotFoundError:
        raise TableError(f"{path}: no such file; check the path") from None
    except OSError as error:
        raise TableError(f"{path}: cannot be read ({error.strerror}); check the path") from None
    if not data:
        raise TableError(f"{path}: is empty; write it again")
    try:
        return decode(data)
    # On some damaged files Polars raises PanicException, which is not an Exception.
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, ValueError) as error:
        why = (str(error).strip().splitlines() or [type(error).__name__])[0][:120]
        raise TableError(
            f"{path}: cannot be read as {kind} ({why}); check the file, it may be damaged"
        ) from None


def save_frame(frame: pl.DataFrame, path: str | Path) -> None:
    """Write a frame as Parquet, atomically and durably; missing folders are made.

    Raises:
      TableError: the file cannot be written.

    Example:
      >>> import tempfile
      >>> with tempfile.TemporaryDirectory() as folder:
      ...     save_frame(pl.DataFrame({"a": [1, 2]}), f"{folder}/table.parquet")
      ...     pl.read_parquet(f"{folder}/table.parquet").height
      2
    """
    data = encode_parquet(frame)
    try:
        if not Path(path).name or Path(path).is_dir():
            raise IsADirectoryError(errno.EISDIR, "is a folder, not a file")
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        write_durably(Path(path), data)
    except OSError as error:
        raise TableError(f"{path}: cannot be written ({error.strerror}); {remedy(error)}") from None


def refuse_rows(
    frame: pl.DataFrame, source: str, column: str, bad: pl.Expr, problem: str, remedy: str
) -> None:
    """Raise `TableError` naming the first row where `bad` holds (a null counts as not bad).

    Rows count from 1. A column "row" in the frame, where there is one, says which row of the file
    a row of the frame came from.
    """
    marked = frame.select(bad.fill_null(value=False)).to_series()
    count = int(marked.sum())
    if not count:
        return
    first = int(marked.arg_true()[0])
    row = int(frame["row"][first]) if "row" in frame.columns else first
    value = frame[column][first]
    shown = repr(value.to_list() if isinstance(value, pl.Series) else value)
    shown = shown if len(shown) <= 60 else shown[:57] + "..."
    more = f", and {count - 1} more" if count > 1 else ""
    raise TableError(
        f"{source}: column {column!r}, row {row + 1} (value {shown}{more}): {problem}; {remedy}"
    )
