"""What a Parquet file says of itself, looked at before Polars reads it.

On files whose own account is wrong, Polars panics, or takes the memory that they claim to need.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

from verigap.storage.files import open_regular

_MAGIC = b"PAR1"
_MOST_FOOTER = 64 * 2**20
_MOST_DEPTH = 16
ROWS_ANYWAY, ROWS_A_BYTE = 1_000_000, 100
"""Rows that any file may have, and how many more in each byte of it."""
MOST_UNPACKED, MOST_UNPACKED_A_BYTE = 2**30, 1000
"""Bytes to which any file may unpack, and to how many each byte of it."""

_Struct = dict[int, Any]


class ParquetError(ValueError):
    """A Parquet file that is damaged, or claims what cannot be; the message says which."""


@dataclass(frozen=True, kw_only=True)
class ParquetAccount:
    """What a Parquet file says of itself.

    Attributes:
      rows: how many it holds.
      unpacked: bytes of its columns once they are unpacked.
    """

    rows: int
    unpacked: int


def parquet_account(source: str | Path | bytes) -> ParquetAccount:
    """What a Parquet file says of itself, if that can be.

    Args:
      source: the file, or its content.

    Raises:
      ParquetError: the file is damaged, or claims more than it can hold.
      OSError: it cannot be read.

    Example:
      >>> from verigap.storage.parquet import parquet_account
      >>> parquet_account("examples/smollm2_products.parquet").rows
      1024
    """
    if isinstance(source, bytes):
        return _checked(BytesIO(source))
    with open_regular(Path(source)) as file:
        return _checked(file)


def _checked(file: BinaryIO) -> ParquetAccount:
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - 8))
    end = file.read(8)
    length = int.from_bytes(end[:4], "little")
    if size < 12 or end[4:] != _MAGIC or length > size - 12:
        raise ParquetError("it has no footer, and may have been cut")
    if length > _MOST_FOOTER:
        raise ParquetError(f"its footer is longer than {_MOST_FOOTER // 2**20} MiB")
    file.seek(size - 8 - length)
    try:
        content = _Thrift(file.read(length)).struct(0)
        return _plausible(content, size, size - 8 - length)
    except (AttributeError, IndexError, KeyError, TypeError, UnicodeDecodeError):
        raise ParquetError("its footer is damaged") from None


def _plausible(content: _Struct, size: int, footer: int) -> ParquetAccount:
    rows, unpacked = content[3], 0
    # Of a column in a list there are more values than rows, or fewer.
    leaves = _leaves(content[2])
    groups = content.get(4) or []
    if rows < 0 or sum(group[3] for group in groups) != rows:
        raise ParquetError("its footer states two numbers of rows")
    for group in groups:
        if len(group[1]) != len(leaves):
            raise ParquetError("its footer states two numbers of columns")
        for chunk, (kind, repeated) in zip(group[1], leaves, strict=True):
            column = chunk[3]
            if column[1] != kind or (not repeated and column[5] != group[3]):
                raise ParquetError("a column is not as the schema or the number of rows says")
            start = min(column.get(11, column[9]) or column[9], column[9])
            if start < 4 or column[7] < 0 or column[6] < 0 or start + column[7] > footer:
                raise ParquetError("a column lies outside of the file")
            unpacked += column[6]
    if rows > ROWS_ANYWAY + ROWS_A_BYTE * size:
        raise ParquetError(f"it claims {rows:,} rows in {size:,} bytes")
    if unpacked > MOST_UNPACKED + MOST_UNPACKED_A_BYTE * size:
        raise ParquetError(f"it claims to unpack to {unpacked:,} bytes from {size:,}")
    return ParquetAccount(rows=rows, unpacked=unpacked)


def _leaves(schema: list[_Struct]) -> list[tuple[int, bool]]:
    """Physical type of every column, and whether it lies in a list."""
    found: list[tuple[int, bool]] = []
    places = iter(schema)

    def descend(repeated: bool, depth: int) -> None:
        if depth > _MOST_DEPTH * 4:
            raise ParquetError("its schema is nested too deeply")
        element = next(places, None)
        if element is None:
            raise ParquetError("its schema is damaged")
        repeated = repeated or element.get(3) == 2
        children = element.get(5) or 0
        if not children:
            found.append((element[1], repeated))
        for _ in range(children):
            descend(repeated, depth + 1)

    descend(False, 0)
    if next(places, None) is not None:
        raise ParquetError("its schema is damaged")
    return found


class _Thrift:
    """The compact protocol, in which footers are written: structs as dictionaries by field."""

    def __init__(self, data: bytes) -> None:
        self._data, self._place = data, 0
        self._readers: dict[int, Callable[[int], Any]] = {
            1: lambda _: True, 2: lambda _: False, 3: lambda _: self._bytes(1)[0],
            4: self._whole, 5: self._whole, 6: self._whole, 7: lambda _: self._bytes(8),
            8: lambda _: self._bytes(self._unsigned()), 9: self._list, 10: self._list,
            12: self.struct,
        }  # fmt: skip

    def struct(self, depth: int) -> _Struct:
        if depth > _MOST_DEPTH:
            raise ParquetError("its footer is nested too deeply")
        fields: _Struct = {}
        last = 0
        while head := self._bytes(1)[0]:
            last = last + (head >> 4) if head >> 4 else self._signed()
            fields[last] = self._readers[head & 15](depth + 1)
        return fields

    def _list(self, depth: int) -> list[Any]:
        head = self._bytes(1)[0]
        number = head >> 4 if head >> 4 < 15 else self._unsigned()
        # Each entry takes a byte at least.
        if number > len(self._data) - self._place:
            raise IndexError
        kind = head & 15
        if kind in (1, 2):
            return [self._bytes(1)[0] == 1 for _ in range(number)]
        return [self._readers[kind](depth) for _ in range(number)]

    def _bytes(self, number: int) -> bytes:
        piece = self._data[self._place : self._place + number]
        if len(piece) < number:
            raise IndexError
        self._place += number
        return piece

    def _unsigned(self) -> int:
        value = shift = 0
        while True:
            byte = self._bytes(1)[0]
            value |= (byte & 127) << shift
            if byte < 128:
                return value
            shift += 7
            if shift > 63:
                raise IndexError

    def _whole(self, _: int) -> int:
        return self._signed()

    def _signed(self) -> int:
        value = self._unsigned()
        return (value >> 1) ^ -(value & 1)
