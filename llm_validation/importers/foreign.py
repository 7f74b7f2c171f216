"""Files that hold no samples whatever their name says: what they are, in one line."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

from verigap.llm_validation.importers.packing import DAMAGE, damaged, packed_as, unpacked
from verigap.storage.files import open_regular
from verigap.storage.tables import TableError

_HEAD = 2**14
_ZIP, _PARQUET = b"PK", b"PAR1"
_AGAIN = "copy or download it again"
# By the bytes that such files begin with.
_KINDS = (
    (b"ARROW1", "an Arrow file; write it as Parquet"),
    (b"\xff\xff\xff\xff", "an Arrow stream; write it as Parquet (`to_parquet` of its data set)"),
    (b"SQLite format 3", "an SQLite database; write the table of samples as CSV or Parquet"),
    (b"\x93NUMPY", "a NumPy array; write a table with named columns as CSV or Parquet"),
    (b"\x80\x02", "a Python pickle, which is never opened here; write it as Parquet or JSON"),
    (b"\x80\x03", "a Python pickle, which is never opened here; write it as Parquet or JSON"),
    (b"\x80\x04", "a Python pickle, which is never opened here; write it as Parquet or JSON"),
    (b"\x80\x05", "a Python pickle, which is never opened here; write it as Parquet or JSON"),
    (b"\x89HDF", "an HDF5 file; write it as Parquet"),
    (b"Obj\x01", "an Avro file; write it as Parquet"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook; save its sheet as CSV"),
    (b"%PDF", "a PDF; give the log that it was made from"),
    (b"7z\xbc\xaf", "a 7z archive; unpack it and give the files in it"),
    (b"Rar!", "a RAR archive; unpack it and give the files in it"),
    (b"version https://git-lfs", "a pointer of Git LFS in place of the file; run `git lfs pull`"),
)
_PAGE = re.compile(rb"\s*<(!doctype html|html|\?xml)", re.IGNORECASE)
_WIDE = (
    (b"\xff\xfe\x00\x00", "UTF-32"), (b"\x00\x00\xfe\xff", "UTF-32"),
    (b"\xff\xfe", "UTF-16"), (b"\xfe\xff", "UTF-16"),
)  # fmt: skip
_TAR = slice(257, 262)


def head(path: Path) -> bytes:
    """The first bytes of a file, unpacked; fewer than there are where the rest is damaged.

    Raises:
      TableError: the file cannot be opened, or is damaged from its first byte on.
    """
    try:
        with open_regular(path) as raw:
            packed = packed_as(raw.read(6))
            raw.seek(0)
            try:
                with unpacked(raw) as file:
                    return file.read(_HEAD)
            except (*DAMAGE, OSError) as error:
                if not damaged(error):
                    raise
                return _damaged_head(path, packed)
    except OSError as error:
        raise TableError(f"{path}: cannot be read ({error.strerror}); check the path") from None


def _damaged_head(path: Path, packed: str | None) -> bytes:
    """What can be read byte by byte, as a decompressor gives nothing of a damaged piece."""
    found = bytearray()
    with open_regular(path) as raw:
        try:
            with unpacked(raw) as file:
                while len(found) < _HEAD and (piece := file.read(1)):
                    found += piece
        except (*DAMAGE, OSError):
            pass
    if not found:
        raise TableError(
            f"{path}: is packed with {packed or 'an unknown tool'}, and the compressed data are "
            f"damaged or end too early; {_AGAIN}"
        )
    return bytes(found)


def nothing_in(path: Path) -> str | None:
    """What an empty file holds, in words; None for any other."""
    if path.stat().st_size == 0:
        return "is empty (0 bytes)"
    start = head(path)
    blank = len(start) < _HEAD and not start.strip(b" \t\r\n\xef\xbb\xbf")
    return "holds nothing but white space" if blank else None


def refuse_foreign(path: Path) -> bytes:
    """Refuse a file that is empty or of a kind that no format is; else give its first bytes.

    Raises:
      TableError: it says what the file is, and what to do.
    """
    empty = nothing_in(path)
    if empty is not None:
        raise TableError(f"{path}: {empty}; leave it out, or make it again")
    start = head(path)
    kind = next((kind for magic, kind in _KINDS if start.startswith(magic)), None)
    if start[_TAR] == b"ustar":
        kind = "a tar archive; unpack it and give the files in it"
    elif _PAGE.match(start):
        kind = "a web page, as a failed download or a login leaves one; download the file again"
    if kind is not None:
        raise TableError(f"{path}: is {kind}")
    encoding = _wide_encoding(start)
    if encoding is not None:
        raise TableError(
            f"{path}: is text in {encoding}; save it as UTF-8 (`iconv -f {encoding} -t UTF-8 FILE "
            "> NEW`)"
        )
    if start.startswith(_PARQUET):
        _refuse_torn_parquet(path)
    if start.startswith(_ZIP):
        _refuse_foreign_zip(path)
    return start


def _wide_encoding(start: bytes) -> str | None:
    """The encoding of text with more than one byte a character, with or without a mark."""
    marked = next((name for mark, name in _WIDE if start.startswith(mark)), None)
    if marked is not None or len(start) < 4 or start.startswith((_PARQUET, _ZIP)):
        return marked
    even, odd = start[:200:2], start[1:200:2]
    for zeros, letters, name in ((odd, even, "UTF-16LE"), (even, odd, "UTF-16BE")):
        if zeros.count(0) > 0.9 * len(zeros) and letters.count(0) == 0:
            return name
    return None


def _refuse_torn_parquet(path: Path) -> None:
    with open_regular(path) as file:
        file.seek(-min(4, path.stat().st_size), 2)
        if file.read(4) != _PARQUET or path.stat().st_size < 12:
            raise TableError(f"{path}: is a Parquet file that ends too early; {_AGAIN}")


def _refuse_foreign_zip(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        raise TableError(
            f"{path}: is a zip file (a log of Inspect is one) that is damaged or ends too early; "
            f"{_AGAIN}"
        ) from None
    if "[Content_Types].xml" in names:
        raise TableError(f"{path}: is an Excel workbook or the like; save its sheet as CSV")
    inspect = any(name.endswith(("header.json", "start.json")) for name in names)
    if not inspect:
        some = ", ".join(name for name in names[:3] if name.isprintable())
        raise TableError(
            f"{path}: is a zip archive ({some or 'empty'}) and no log of Inspect; unpack it and "
            "give the files in it"
        )
