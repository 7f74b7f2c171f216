"""Files of unknown size and origin, read piece by piece in bounded memory."""

from __future__ import annotations

import codecs
import csv
import itertools
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from verigap.llm_validation.importers.packing import DAMAGE, damaged, unpacked
from verigap.llm_validation.importers.records import BadRecord, Reading, Record
from verigap.storage.files import open_regular
from verigap.storage.tables import TableError

# A record of 10,000 samples of a long answer is some 30 MB.
LONGEST_RECORD = 64 * 2**20
# Objects and lists in one record or document take 64 bytes each and more, written they take 3.
MOST_CONTAINERS = 4 * 2**20
# One in another; tools nest about ten.
DEEPEST = 100
# What compressed files may unpack to, where they are damaged or made to fill a disk.
MOST_GROWN, STEEPEST_GROWTH = 2**30, 500
MOST_BLANK_LINES = 100_000
# A document that is read as a whole: one problem in YAML, a header, a file of answers.
LARGEST_DOCUMENT = 256 * 2**20
_CHUNK = 2**20
_BOM = b"\xef\xbb\xbf"
_TEXT = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_TOO_DEEP = f"not valid JSON (nested too deeply: more than {DEEPEST} objects and lists)"
_CROWDED = f"more than {MOST_CONTAINERS:,} objects and lists in one record"
_BOMB = (
    f"the compressed data have grown to more than {MOST_GROWN // 2**20:,} MiB and "
    f"{STEEPEST_GROWTH} times their size; unpack the file and look at it"
)
_CUT = "not valid JSON (the file ends too early)"
_JSON_NAMES = {
    list: "list", str: "string", int: "number", float: "number", bool: "boolean", type(None): "null"
}  # fmt: skip
_DAMAGED = "the compressed data are damaged or end too early; copy or download the file again"


@contextmanager
def opened(path: Path, reading: Reading) -> Iterator[BinaryIO]:
    """The bytes of a file, decompressed where it is gzip, bzip2, xz or Zstandard.

    Raises:
      TableError: the file cannot be opened or read.
    """
    try:
        with open_regular(path) as raw:
            file = unpacked(raw)
            reading.begin(path, raw.tell)
            reading.files = [raw]
            with file:
                yield file
            reading.end(path.stat().st_size)
    except FileNotFoundError:
        raise TableError(f"{path}: no such file; check the path") from None
    except OSError as error:
        raise TableError(f"{path}: cannot be read ({error.strerror}); check the path") from None


def lines(path: Path, reading: Reading, blank: bool = False) -> Iterator[Record]:
    """The lines, as bytes; too long ones and the end of a torn file as bad records.

    Blank lines are passed over unless `blank`.
    """
    with opened(path, reading) as file:
        number = grown = empty = 0
        while True:
            number += 1
            place = f"{path}, line {number}"
            if empty > MOST_BLANK_LINES:
                yield Record(place, BadRecord(f"more than {MOST_BLANK_LINES:,} blank lines"))
                return
            try:
                line = file.readline(LONGEST_RECORD + 1)
                grown += len(line)
                if len(line) > LONGEST_RECORD:
                    what = f"the line is longer than {LONGEST_RECORD // 2**20} MiB"
                    yield Record(place, BadRecord(what))
                    while line and not line.endswith(b"\n"):
                        line = file.readline(_CHUNK)
                        grown += len(line)
                        if _is_bomb(grown, reading):
                            yield Record(place, BadRecord(_BOMB))
                            return
                    continue
            except (*DAMAGE, OSError) as error:
                if not damaged(error):
                    raise
                yield Record(place, BadRecord(_DAMAGED))
                return
            if _is_bomb(grown, reading):
                yield Record(place, BadRecord(_BOMB))
                return
            if not line:
                return
            empty = 0 if line.strip() else empty + 1
            if number == 1:
                line = line.removeprefix(_BOM)
            if blank or line.strip():
                yield Record(place, line)


def _is_bomb(grown: int, reading: Reading) -> bool:
    return grown > MOST_GROWN and grown > STEEPEST_GROWTH * reading.position()


def json_lines(paths: Sequence[Path], reading: Reading) -> Iterator[Record]:
    """The objects of JSON Lines files."""
    for path in paths:
        for place, line in lines(path, reading):
            yield Record(place, line if isinstance(line, BadRecord) else json_object(line))


def peeked(records: Iterable[Record], number: int = 100) -> tuple[list[Record], Iterator[Record]]:
    """The first records, and all of them."""
    rest = iter(records)
    first = list(itertools.islice(rest, number))
    return first, itertools.chain(first, rest)


def json_object(data: bytes | str) -> dict[str, Any] | BadRecord:
    """The object that some JSON is, or what is wrong with it."""
    if crowded(data):
        return BadRecord(_CROWDED)
    try:
        content = json.loads(data)
    except json.JSONDecodeError as error:
        return BadRecord(
            f"not valid JSON ({_without_place(error.msg)} at character {error.pos + 1})"
        )
    except RecursionError:
        return BadRecord(_TOO_DEEP)
    except UnicodeDecodeError:
        return BadRecord("not valid JSON (it is not UTF-8)")
    except ValueError:
        return BadRecord("not valid JSON (a number has too many digits)")
    if not isinstance(content, dict):
        return BadRecord(f"a JSON {_JSON_NAMES[type(content)]} where an object was expected")
    return BadRecord(_TOO_DEEP) if too_deep(content) else content


def _without_place(message: str) -> str:
    """What the parser says, some of which ends in the words before a place."""
    return message.removesuffix(" at").removesuffix(" starting")


def crowded(data: bytes | str) -> bool:
    """Whether JSON holds more objects and lists than fit into memory."""
    if len(data) <= MOST_CONTAINERS:
        return False
    text = data.encode(errors="replace") if isinstance(data, str) else data
    if text.count(b"{") + text.count(b"[") <= MOST_CONTAINERS:
        return False
    # Formulas are full of braces.
    bare = _TEXT.sub(b"", text)
    return bare.count(b"{") + bare.count(b"[") > MOST_CONTAINERS


def too_deep(content: object) -> bool:
    """Whether values lie in more objects and lists than `DEEPEST`."""
    level = [content]
    for _ in range(DEEPEST):
        level = [
            value
            for container in level
            for value in (container.values() if isinstance(container, dict) else container)
            if isinstance(value, dict | list)
        ]  # fmt: skip
        if not level:
            return False
    return True


class _Window:
    """The part of a text that is not used yet; it grows from a file, in bounded memory.

    Attributes:
      text: that part.
      ended: whether nothing is left in the file.
    """

    def __init__(self, file: BinaryIO, reading: Reading) -> None:
        self.text, self.ended = "", False
        self._file, self._reading = file, reading
        self._decode = codecs.getincrementaldecoder("utf-8-sig")().decode
        self._step, self._grown = _CHUNK, 0

    def use(self, end: int) -> None:
        """Leave what lies before a place in the text."""
        self.text, self._step = self.text[end:], _CHUNK

    def grow(self) -> BadRecord | None:
        """Read on; what is wrong with the file, if something is."""
        try:
            piece = self._file.read(self._step)
            self.ended = not piece
            self.text += self._decode(piece, final=self.ended)
        except (*DAMAGE, OSError) as error:
            if not damaged(error):
                raise
            return BadRecord(_DAMAGED)
        except UnicodeDecodeError:
            return BadRecord("not valid JSON (it is not UTF-8)")
        # Twice as much each time, so that a long record is not scanned too often.
        self._step = min(2 * self._step, LONGEST_RECORD)
        self._grown += len(piece)
        return BadRecord(_BOMB) if _is_bomb(self._grown, self._reading) else None


def json_values(path: Path, reading: Reading) -> Iterator[Record]:
    """The objects of a JSON array, or of one JSON value after the other, as they arrive."""
    with opened(path, reading) as file:
        window, number, inside, closed = _Window(file, reading), 0, False, False
        while True:
            between = (inside or number) and not closed
            window.text = window.text.lstrip(" \t\r\n," if between else " \t\r\n")
            problem = _CUT
            if window.text.startswith("[") and not inside and not number:
                inside = True
                window.use(1)
                continue
            if window.text.startswith("]") and inside and not closed:
                closed = True
                window.use(1)
                continue
            place = f"{path}, record {number + 1}"
            if closed and window.text:
                yield Record(place, BadRecord("not valid JSON (the array has ended before)"))
                return
            if window.ended and not window.text and closed >= inside:
                return
            if crowded(window.text):
                yield Record(place, BadRecord(_CROWDED))
                return
            if window.text:
                found = _first_value(window.text)
                if isinstance(found, BadRecord):
                    yield Record(place, found)
                    return
                if not isinstance(found, str):
                    number += 1
                    content, end = found
                    window.use(end)
                    yield Record(place, content)
                    continue
                problem = found
            if window.ended or len(window.text) > LONGEST_RECORD:
                if not window.ended:
                    problem += f", or a record longer than {LONGEST_RECORD // 2**20} MiB"
                yield Record(place, BadRecord(problem))
                return
            if (wrong := window.grow()) is not None:
                yield Record(place, wrong)
                return


def _first_value(text: str) -> tuple[dict[str, Any] | BadRecord, int] | BadRecord | str:
    """The object that a text begins with, and where it ends.

    What is wrong is a `BadRecord` where more text would not mend it, and a text where it could.
    """
    try:
        content, end = json.JSONDecoder().raw_decode(text)
    except json.JSONDecodeError as error:
        cut = error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated string")
        return _CUT if cut else f"not valid JSON ({_without_place(error.msg)})"
    except RecursionError:
        return BadRecord(_TOO_DEEP)
    except ValueError:
        return "not valid JSON (a number has too many digits)"
    if not isinstance(content, dict):
        return BadRecord(f"a JSON {_JSON_NAMES[type(content)]} where an object was expected"), end
    return BadRecord(_TOO_DEEP) if too_deep(content) else content, end


def document(path: Path, reading: Reading) -> bytes | BadRecord:
    """All of a file that has to be read as a whole, up to a size."""
    with opened(path, reading) as file:
        try:
            data = file.read(LARGEST_DOCUMENT + 1)
        except (*DAMAGE, OSError) as error:
            if not damaged(error):
                raise
            return BadRecord(_DAMAGED)
    if len(data) > LARGEST_DOCUMENT:
        return BadRecord(f"the document is longer than {LARGEST_DOCUMENT // 2**20} MiB")
    return data.removeprefix(_BOM)


def csv_rows(path: Path, reading: Reading, separator: str = ",") -> Iterator[Record]:
    """The rows of a CSV or TSV file with a header, as texts by column name."""
    csv.field_size_limit(LONGEST_RECORD)
    bad: list[Record] = []

    def decoded() -> Iterator[str]:
        # A blank line may be part of a quoted text.
        for place, line in lines(path, reading, blank=True):
            if isinstance(line, BadRecord):
                bad.append(Record(place, line))
                continue
            try:
                yield line.decode()
            except UnicodeDecodeError:
                bad.append(Record(place, BadRecord("the line is not UTF-8")))

    rows = csv.reader(decoded(), strict=True, delimiter=separator)
    header: list[str] | None = None
    while True:
        try:
            row = next(rows, None)
        except csv.Error as error:
            yield Record(f"{path}, line {rows.line_num}", BadRecord(f"not valid CSV ({error})"))
            continue
        yield from bad
        bad.clear()
        if row is None:
            return
        # Of a row of several lines, the last.
        place = f"{path}, line {rows.line_num}"
        if header is None:
            header = row
            if len(set(header)) < len(header):
                raise TableError(f"{path}: a column name comes twice; rename one")
        elif row and len(row) != len(header):
            what = f"{len(row)} fields where the header has {len(header)}"
            yield Record(place, BadRecord(what))
        elif row:
            yield Record(place, dict(zip(header, row, strict=True)))
