"""Digests that name contents, and the numbers drawn from names: one recipe for each.

Stored names and random streams depend on these functions, so their values never change.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Iterable


def digest(content: bytes | Iterable[bytes], length: int = 64) -> str:
    """The first `length` hexadecimal digits of the SHA-256 of some bytes.

    Args:
      content: the bytes, whole or in parts; how they are divided does not matter.
      length: number of digits, 1 to 64.

    Raises:
      ValueError: `length` is outside 1 to 64.

    Example:
      >>> digest(b"verigap", 16) == digest([b"veri", b"gap"], 16)
      True
    """
    if not 1 <= length <= 64:
        raise ValueError(f"length: must be 1 to 64 digits, not {length}")
    total = hashlib.sha256()
    for part in [content] if isinstance(content, bytes) else content:
        total.update(part)
    return total.hexdigest()[:length]


def json_digest(content: object, length: int = 64) -> str:
    """The digest of what JSON can hold, whatever the order of its keys.

    Args:
      content: mappings with text keys, lists, text, numbers, booleans and None.
      length: number of digits, 1 to 64.

    Raises:
      TypeError: the content holds what JSON cannot.

    Example:
      >>> json_digest({"a": 1, "b": 2}) == json_digest({"b": 2, "a": 1})
      True
    """
    return digest(json.dumps(content, sort_keys=True, separators=(",", ":")).encode(), length)


def digest_seed(text: str, bits: int) -> int:
    """A non-negative seed of `bits - 1` bits, drawn from a text by SHA-256.

    Args:
      text: names the use, and so separates its numbers from those of every other use.
      bits: size of the signed integer that has to hold the seed, a multiple of 8 up to 256.

    Example:
      >>> 0 <= digest_seed("shuffle 0", 32) < 2**31
      True
    """
    first = bytes.fromhex(digest(text.encode(), bits // 4))
    return int.from_bytes(first, "little") >> 1


def name_stream(name: str) -> int:
    """The 32 bits (CRC-32) by which a name selects a random stream or a hashed column.

    Example:
      >>> name_stream("vf-mle") == name_stream("vf-bayes")
      False
    """
    return zlib.crc32(name.encode())
