"""Files that are whole or absent after any crash, and JSON that every parser reads."""

from __future__ import annotations

import errno
import json
import os
import stat
import uuid
from pathlib import Path
from typing import BinaryIO

from pydantic_core import to_jsonable_python


def write_durably(path: Path, data: bytes) -> None:
    """Write a file so that after any crash it is either absent (or as before) or complete.

    Raises:
      OSError: the file cannot be written; nothing is left behind.

    Example:
      >>> import tempfile
      >>> from pathlib import Path
      >>> with tempfile.TemporaryDirectory() as folder:
      ...     path = Path(folder, "note")
      ...     write_durably(path, b"whole")
      ...     path.read_bytes()
      b'whole'
    """
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync(path.parent)


def is_full(error: Exception) -> bool:
    """Whether a disk has no room left, or its user may have no more of it."""
    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EDQUOT)
    # Polars says so in words.
    return os.strerror(errno.ENOSPC) in str(error)


def remedy(error: Exception) -> str:
    """What to do about a file that cannot be written.

    Example:
      >>> remedy(OSError(28, "No space left on device"))
      'the disk is full and nothing was written: free some space, or choose another path'
    """
    if is_full(error):
        return "the disk is full and nothing was written: free some space, or choose another path"
    return "choose another path"


def sync(path: Path) -> None:
    """Make a file or folder durable; a rename is so only once the folder with the name is."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def strict_json(content: object) -> str:
    """The content as indented JSON, in which what is not a finite number is null."""
    # Dumped by the standard library, as text of models may hold half characters, which only its
    # escapes can carry.
    plain = to_jsonable_python(content, inf_nan_mode="null")
    return json.dumps(plain, indent=2, allow_nan=False)


def open_regular(path: Path) -> BinaryIO:
    """A regular file, open to be read; a pipe or a device is refused, and never waited for.

    Raises:
      OSError: there is no regular file, or it cannot be read.
    """
    # Opening a pipe would wait for a writer, which may never come.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    file = os.fdopen(descriptor, "rb")
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        file.close()
        raise OSError(errno.EINVAL, "is no regular file", str(path))
    return file


def read_regular(path: Path) -> bytes:
    """The content of a regular file; see `open_regular`.

    Raises:
      OSError: there is no regular file, or it cannot be read.

    Example:
      >>> read_regular(Path("/dev/zero"))
      Traceback (most recent call last):
      OSError: [Errno 22] is no regular file: '/dev/zero'
    """
    with open_regular(path) as file:
        return file.read()
