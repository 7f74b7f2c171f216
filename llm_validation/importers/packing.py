"""Compressed files, known by their first bytes and not by their names."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zlib
from contextlib import closing
from typing import BinaryIO, cast

import zstandard

_GZIP, _BZIP2, _XZ, _ZSTD = b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd"
SUFFIXES = (".gz", ".bz2", ".xz", ".zst", ".zstd")
DAMAGE = (EOFError, zlib.error, lzma.LZMAError, zstandard.ZstdError)
"""What reading damaged data raises, beside an `OSError` without a number: see `damaged`."""


def damaged(error: Exception) -> bool:
    """Whether an error says that compressed data are damaged, rather than a disk."""
    return isinstance(error, DAMAGE) or (isinstance(error, OSError) and error.errno is None)


def packed_as(start: bytes) -> str | None:
    """How a file is compressed that begins with these bytes, or None where it is not."""
    kinds = ((_GZIP, "gzip"), (_BZIP2, "bzip2"), (_XZ, "xz"), (_ZSTD, "Zstandard"))
    return next((name for magic, name in kinds if start.startswith(magic)), None)


def unpacked(raw: BinaryIO) -> BinaryIO:
    """The content of an open file, whose position is its start."""
    start = raw.read(6)
    raw.seek(0)
    if start.startswith(_GZIP):
        return cast(BinaryIO, gzip.open(raw))
    if start.startswith(_BZIP2):
        return cast(BinaryIO, bz2.open(raw))
    if start.startswith(_XZ):
        return cast(BinaryIO, lzma.open(raw))
    if start.startswith(_ZSTD):
        return cast(BinaryIO, io.BufferedReader(_Zstandard(raw)))
    return raw


def plain_name(name: str) -> str:
    """A file name in lower case, without the suffix of its compression."""
    lower = name.lower()
    packed = next((suffix for suffix in SUFFIXES if lower.endswith(suffix)), "")
    return lower[: len(lower) - len(packed)]


def zstandard_entry(packed: bytes, limit: int) -> bytes:
    """The data of an entry of a zip file, at most `limit` bytes.

    Raises:
      EOFError: the data end too early.
      zstandard.ZstdError: they are damaged.
    """
    reader = zstandard.ZstdDecompressor().stream_reader(packed, read_across_frames=True)
    with closing(reader):
        return reader.read(limit)


class _Zstandard(io.RawIOBase):
    """Unpacked frames; a torn one raises instead of ending quietly."""

    def __init__(self, raw: BinaryIO) -> None:
        """At the start of the first frame."""
        self._raw = raw
        self._data, self._place = b"", 0
        self._frame, self._begun = zstandard.ZstdDecompressor().decompressobj(), False
        self._packed = b""

    def readable(self) -> bool:
        """Whether it can be read: always."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # pyright: ignore[reportIncompatibleMethodOverride]
        """As much as there is, at most the size of the buffer."""
        while self._place == len(self._data):
            if not self._more():
                return 0
        piece = self._data[self._place : self._place + len(buffer)]
        buffer[: len(piece)] = piece
        self._place += len(piece)
        return len(piece)

    def _more(self) -> bool:
        # Small pieces, as each may unpack to a thousand times its size.
        self._packed = self._packed or self._raw.read(2**14)
        if not self._packed:
            if self._begun:
                raise EOFError("the last frame is not complete")
            return False
        self._data, self._place = self._frame.decompress(self._packed), 0
        self._packed, self._begun = b"", True
        if self._frame.eof:
            self._packed = self._frame.unused_data
            self._frame, self._begun = zstandard.ZstdDecompressor().decompressobj(), False
        return True

    def close(self) -> None:
        """Close the file as well."""
        self._raw.close()
        super().close()
