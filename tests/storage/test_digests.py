"""Digests and streams: their values are stored in run folders, so they are pinned."""

import pytest

from verigap.storage.digests import digest, digest_seed, json_digest, name_stream


def test_the_values_are_those_of_the_standards() -> None:
    # SHA-256 and CRC-32 of "abc" and "123456789", as FIPS 180-4 and the CRC catalogue give them.
    whole = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert digest(b"abc") == whole
    assert digest([b"a", b"", b"bc"], 12) == whole[:12]
    assert name_stream("123456789") == 0xCBF43926


def test_json_is_canonical() -> None:
    # Keys sorted, no spaces, beyond ASCII escaped.
    text = b'{"a":[1,2.5,null],"b":"\\u00e9"}'
    assert json_digest({"b": "é", "a": [1, 2.5, None]}, 16) == digest(text, 16)


def test_a_seed_fits_its_signed_integer() -> None:
    first = bytes.fromhex(digest(b"abc"))
    assert digest_seed("abc", 32) == int.from_bytes(first[:4], "little") // 2
    assert digest_seed("abc", 64) == int.from_bytes(first[:8], "little") // 2


@pytest.mark.parametrize("length", [0, 65])
def test_a_length_beyond_the_digest_is_refused(length: int) -> None:
    with pytest.raises(ValueError, match="length: must be 1 to 64"):
        digest(b"", length)
