"""Inputs that are nearly valid: bytes, JSON, YAML, zip members and columns altered at random."""

from __future__ import annotations

import io
import json
import random
import zipfile
from collections.abc import Callable
from typing import Any

import polars as pl
import yaml

MOST_BYTES = 1 << 16
_BYTES = (0, 1, 10, 13, 34, 44, 91, 92, 93, 123, 125, 127, 128, 192, 255)
_WORDS = (b"\xff\xff\xff\xff", b"\xff\xff\xff\x7f", b"\xff\xff\xff\x0f", b"\0\0\0\0", b"\0\0\0\x80")
ODD: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2, 7, 2**31, 2**63, -(2**63) - 1, 10**30, 0.5, -0.5, 1e308,
    float("inf"), float("nan"), "", " ", "0", "1", "true", "NaN", "-1", "1e400", "9" * 400,
    "\x00", "\ud83d", "\u202e", "a\nb", "\u0662", "1_0", [], {}, [[]], [None], ["a"], [0, 1],
    {"a": 1}, [{}], {"": None}, {"value": "C"}, "x" * 500,
)  # fmt: skip
"""Values that stand where others are expected."""
_YAML_ONLY = ("2026-13-45", "0o9", "!!set {a}", "&a [*a]", "{<<: 1}", "? [a]\n: b", "1:60:60")


def mutated(data: bytes, draw: random.Random, valid: frozenset[bytes] = frozenset()) -> bytes:
    """The data, altered in one to eight places.

    Args:
      data: of any kind.
      draw: decides all.
      valid: data that may be opened as what they are by libraries that damaged files bring down.
    """
    if data in valid and data.startswith(b"PAR1") and draw.random() < 0.4:
        data = _columns(data, draw)
    for _ in range(draw.choice((1, 1, 1, 2, 3, 8))):
        data = draw.choice(_kinds(data))(data, draw)
    return data[:MOST_BYTES]


def _kinds(data: bytes) -> tuple[Callable[[bytes, random.Random], bytes], ...]:
    start = data.lstrip()[:1]
    if data[:2] == b"PK":
        return (_bytes, _member, _member, _member)
    if data[:4] == b"PAR1":
        return (_bytes, _footer)
    if start in (b"{", b"["):
        return (_bytes, _json, _json, _json)
    if b"\n" in data and b": " in data:
        return (_bytes, _yaml, _yaml)
    return (_bytes,)


def _bytes(data: bytes, draw: random.Random, low: int = 0) -> bytes:
    if not data:
        return bytes([draw.choice(_BYTES)])
    start = draw.randrange(min(low, len(data) - 1), len(data))
    end = min(len(data), start + draw.choice((1, 2, 4, 16, 256)))
    piece = data[start:end]
    match draw.randrange(8):
        case 0:
            return data[:start] + bytes([data[start] ^ 1 << draw.randrange(8)]) + data[start + 1 :]
        case 1:
            return data[:start] + bytes([draw.choice(_BYTES)]) + data[start + 1 :]
        case 2:
            word = draw.choice(_WORDS)
            return data[:start] + word + data[start + len(word) :]
        case 3:
            return data[:start] + data[end:]
        case 4:
            return data[:end] + piece * draw.choice((1, 2, 50)) + data[end:]
        case 5:
            return data[:start] + draw.randbytes(end - start) + data[end:]
        case 6:
            other = draw.randrange(len(data))
            return data[:start] + data[other : other + len(piece)] + data[end:]
        case _:
            return data[:start]


def _footer(data: bytes, draw: random.Random) -> bytes:
    """Where a Parquet file says what it holds."""
    length = int.from_bytes(data[-8:-4], "little")
    return _bytes(data, draw, max(0, len(data) - 8 - length))


def _json(data: bytes, draw: random.Random) -> bytes:
    """One value of one line, or of the one document, is another."""
    lines = data.split(b"\n")
    which = draw.randrange(len(lines))
    for place, text in ((which, lines[which]), (None, data)):
        try:
            content = json.loads(text)
        except (ValueError, RecursionError):
            continue
        changed = json.dumps(_tree(content, draw)).encode()
        if place is None:
            return changed
        return b"\n".join([*lines[:place], changed, *lines[place + 1 :]])
    return _bytes(data, draw)


def _yaml(data: bytes, draw: random.Random) -> bytes:
    if draw.random() < 0.2:
        lines = data.split(b"\n")
        place = draw.randrange(len(lines))
        key = lines[place].partition(b": ")[0]
        lines[place] = key + b": " + draw.choice(_YAML_ONLY).encode()
        return b"\n".join(lines)
    try:
        return yaml.safe_dump(_tree(yaml.safe_load(data), draw)).encode(errors="replace")
    except (yaml.YAMLError, ValueError, TypeError, RecursionError):
        return _bytes(data, draw)


def _tree(content: Any, draw: random.Random) -> Any:
    """The same tree with one value altered: replaced, dropped, repeated, or deep in lists."""
    root: list[Any] = [content]
    holder: Any = root
    key: Any = 0
    while inside := _keys(holder[key]):
        if holder is not root and draw.random() < 0.25:
            break
        holder, key = holder[key], draw.choice(inside)
    inner = holder[key]
    match draw.randrange(8):
        case 0 if isinstance(holder, dict):
            del holder[key]
        case 1 if isinstance(holder, list) and holder is not root:
            holder.append(inner)
        case 2:
            for _ in range(draw.choice((1, 3, 150))):
                inner = [inner]
            holder[key] = inner
        case 3 if isinstance(holder, dict):
            holder[str(draw.choice(ODD))] = inner
        case _:
            holder[key] = draw.choice(ODD)
    return root[0]


def _keys(value: Any) -> list[Any]:
    """Where the values in a dictionary or a list are."""
    if isinstance(value, dict):
        return list(value)
    return [*range(len(value))] if isinstance(value, list) else []


def _member(data: bytes, draw: random.Random) -> bytes:
    """One file of a zip archive is mutated."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if sum(info.file_size for info in archive.infolist()) > 16 * MOST_BYTES:
                return _bytes(data, draw)
            members = {name: archive.read(name) for name in archive.namelist()}
    # A damaged archive ends in all kinds of errors.
    except Exception:
        return _bytes(data, draw)
    if not members:
        return _bytes(data, draw)
    name = draw.choice(list(members))
    match draw.randrange(6):
        case 0:
            del members[name]
        case 1:
            members[draw.choice(("header.json", "samples/x.json", "../x", ""))] = members[name]
        case _:
            members[name] = mutated(members[name], draw)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            # Not at this time, which would be part of the bytes.
            archive.writestr(zipfile.ZipInfo(name or "x"), content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def _columns(data: bytes, draw: random.Random) -> bytes:
    """A Parquet file whose columns hold other things."""
    frame = pl.read_parquet(io.BytesIO(data)).head(40)
    name = draw.choice(frame.columns)
    values: list[Any] = frame[name].to_list()
    match draw.randrange(4):
        case 0:
            frame = frame.drop(name)
        case 1:
            new = draw.choice(("text", "correct", "prompt_id", "", "row"))
            frame = frame if new in frame.columns else frame.rename({name: new})
        case 2:
            odd = draw.choice(ODD)
            values = [odd if draw.random() < 0.5 else value for value in values]
            frame = frame.with_columns(_series(name, values))
        case _:
            frame = frame.with_columns(_series(name, [draw.choice(ODD)] * frame.height))
    buffer = io.BytesIO()
    try:
        frame.write_parquet(buffer)
    # Not every type of Polars can be written.
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException):
        return data
    return buffer.getvalue()


def _series(name: str, values: list[Any]) -> pl.Series:
    try:
        return pl.Series(name, values)
    except (TypeError, OverflowError, ValueError, pl.exceptions.PolarsError):
        return pl.Series(name, [str(value).encode(errors="replace").decode() for value in values])
