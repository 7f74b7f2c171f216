"""Compiled programs, kept from one command to the next in the user's cache folder.

JAX has such a cache, and its keys are used here: program, compiler options, versions and device.
Its files are not, as it writes them in place without a checksum: what a killed process left half
written is complained about in every later one and never replaced.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
import time
from pathlib import Path

VARIABLE = "VERIGAP_CACHE"
"""Environment variable: "off", or a folder to use in place of the user's cache folder."""

MOST_BYTES = 512 << 20
"""Size of the folder above which the programs used longest ago are removed."""

_DIGEST_BYTES = 16
_PART_OF_THE_LIMIT = 16
_SECONDS_TO_WRITE = 3600.0


def keep_compiled_programs() -> None:
    """Keep what JAX compiles from here on, unless the environment says otherwise.

    Nothing is done where VERIGAP_CACHE is "off", where JAX_COMPILATION_CACHE_DIR names a cache of
    the user's, or where no folder can be made that belongs to the user alone.

    Example:
      >>> from unittest import mock
      >>> from verigap.engines.compiled_programs import keep_compiled_programs
      >>> with mock.patch.dict("os.environ", {"VERIGAP_CACHE": "off"}):
      ...     keep_compiled_programs()
    """
    if os.environ.get(VARIABLE, "").lower() == "off" or "JAX_COMPILATION_CACHE_DIR" in os.environ:
        return
    folder = _folder()
    if folder is None:
        return
    import jax

    try:
        from jax._src import compilation_cache

        store = ProgramStore(folder)
        compilation_cache.get_file_cache = lambda path: (store, path)
    except (ImportError, AttributeError):
        # Not a public part of JAX: should it move, programs are compiled anew.
        return
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_enable_xla_caches", "none")


def _folder() -> Path | None:
    """The folder for this machine's kind of processor, or None where there can be none."""
    import platformdirs

    chosen = os.environ.get(VARIABLE)
    root = Path(chosen) if chosen else platformdirs.user_cache_path("verigap", appauthor=False)
    folder = root / f"programs-{_processor()}"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # What lies here is run: nobody else may write it.
        theirs = hasattr(os, "getuid") and folder.stat().st_uid != os.getuid()
        return None if theirs or folder.stat().st_mode & 0o022 else folder
    except OSError:
        return None


def _processor() -> str:
    """A name for the kind of processor: a home folder may be shared by machines of several."""
    import platform

    features = platform.machine()
    with contextlib.suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        features += next((line for line in lines if line.startswith(("flags", "Features"))), "")
    return hashlib.blake2b(features.encode(), digest_size=6).hexdigest()


class ProgramStore:
    """Files of one folder under the keys that JAX gives them, each behind its own digest.

    A file appears whole or not at all, is removed when its digest does not fit, and may be removed
    by another process at any time. What the disk refuses is left out: it is compiled again.

    Args:
      folder: where they lie.
      most_bytes: size that they may have together, up to a sixteenth.

    Example:
      >>> import tempfile
      >>> with tempfile.TemporaryDirectory() as folder:
      ...     store = ProgramStore(Path(folder))
      ...     store.put("key", b"program")
      ...     store.get("key"), store.get("another key")
      (b'program', None)
    """

    def __init__(self, folder: Path, most_bytes: int = MOST_BYTES) -> None:
        self._folder = folder
        self._most = most_bytes
        self._written: int | None = None

    def get(self, key: str) -> bytes | None:
        """The program of a key, None where there is none that is whole."""
        path = self._folder / key
        try:
            content = path.read_bytes()
            if content[:_DIGEST_BYTES] != _digest(content[_DIGEST_BYTES:]):
                path.unlink(missing_ok=True)
                return None
            os.utime(path)
        except OSError:
            return None
        return content[_DIGEST_BYTES:]

    def put(self, key: str, value: bytes) -> None:
        """Keep a program, and make room for it."""
        with contextlib.suppress(OSError):
            descriptor, name = tempfile.mkstemp(dir=self._folder, prefix=".writing-")
            partial = Path(name)
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(_digest(value) + value)
                partial.replace(self._folder / key)
            except BaseException:
                partial.unlink(missing_ok=True)
                raise
            self._make_room(len(value))

    def _make_room(self, more: int) -> None:
        """Remove what was used longest ago, at the first program and at every part of the limit."""
        if self._written is not None and self._written + more < self._most // _PART_OF_THE_LIMIT:
            self._written += more
            return
        self._written = 0
        with os.scandir(self._folder) as entries:
            found = [(entry.stat(), entry.path, entry.name) for entry in entries]
        size = sum(stat.st_size for stat, _, _ in found)
        now = time.time()
        for stat, path, name in sorted(found, key=lambda each: each[0].st_mtime):
            left_behind = name.startswith(".writing-") and stat.st_mtime < now - _SECONDS_TO_WRITE
            if left_behind or size > self._most:
                size -= stat.st_size
                Path(path).unlink(missing_ok=True)


def _digest(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=_DIGEST_BYTES).digest()
