"""Readers with a fault each, to see whether the fuzzer finds it; run as `child` is."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from unittest import mock

from tests.fuzz import child, targets
from tests.fuzz.targets import Target


def _raises(data: bytes, _: Path) -> object:
    return data.index(b"seed")


def _dies(data: bytes, _: Path) -> object:
    if b"seed" not in data:
        os.abort()
    return None


def _hangs(data: bytes, _: Path) -> object:
    while b"seed" not in data:
        pass
    return None


def _fills(data: bytes, _: Path) -> object:
    return None if b"seed" in data else bytearray(2**31)


def _fine(data: bytes, _: Path) -> object:
    return data


READERS: dict[str, tuple[Callable[[bytes, Path], object], str | None]] = {
    "fine": (_fine, None),
    "raises": (_raises, "ValueError"),
    "dies": (_dies, "SIGABRT"),
    "hangs": (_hangs, "slow"),
    "fills": (_fills, "MemoryError"),
}
"""Each with a part of what is to be said of it."""


def _targets() -> dict[str, Target]:
    return {name: Target(feed=feed, seeds=lambda: [b"seed"]) for name, (feed, _) in READERS.items()}


if __name__ == "__main__":
    with mock.patch.object(targets, "targets", _targets):
        child.main()
