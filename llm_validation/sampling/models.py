"""Where a model lies: a GGUF file, a folder with safetensors, or a model hub.

A GGUF file is unpacked once into a folder of the user's cache, which loads in a fraction of a
second afterwards.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from verigap.llm_validation.sampling.engine import EngineError, ModelSpec
from verigap.storage.digests import digest
from verigap.storage.drafts import draft_folder

_HUB_ID = re.compile(r"[\w.-]+(?:/[\w.-]+)?", re.ASCII)
_HEAD_BYTES = 2**20


@dataclass(frozen=True)
class Located:
    """A model to load: a folder, or the id of a hub.

    Attributes:
      place: what `from_pretrained` takes.
      name: the name by which tables call the model.
      fingerprint: settles the weights; "" for a hub, which reports its own revision.
    """

    place: str
    name: str
    fingerprint: str


def locate(spec: ModelSpec, unpack: Callable[[Path, Path, str], None]) -> Located:
    """Find a model, unpacking a GGUF file if that has not been done before.

    Args:
      spec: the model.
      unpack: called with a GGUF file, an empty folder and a dtype; has to save the model there.

    Raises:
      EngineError: there is no such model.
    """
    path = Path(spec.name).expanduser()
    if path.suffix.lower() == ".gguf" or path.is_file():
        if not path.is_file():
            raise EngineError(f"{spec.name}: no such file; check the model")
        with path.open("rb") as file:
            if file.read(4) != b"GGUF":
                raise EngineError(f"{spec.name}: is not a GGUF file; check the model")
        fingerprint = _file_digest(path)
        folder = _unpacked(path, fingerprint, spec.dtype, unpack)
        return Located(str(folder), path.stem, f"sha256:{fingerprint}")
    if path.is_dir():
        if not (path / "config.json").is_file():
            raise EngineError(f"{spec.name}: holds no config.json, so no model; check the model")
        return Located(str(path), path.resolve().name, f"sha256:{_folder_digest(path)}")
    if path.is_absolute() or not _HUB_ID.fullmatch(spec.name):
        raise EngineError(f"{spec.name}: no such file or folder, and no hub id; check the model")
    return Located(spec.name, spec.name, "")


def cache_folder() -> Path:
    """Where unpacked models are kept: $XDG_CACHE_HOME/verigap/models, by default in ~/.cache."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    # The specification has relative paths ignored.
    root = Path(base) if Path(base).is_absolute() else Path.home() / ".cache"
    return root / "verigap" / "models"


def _unpacked(
    path: Path, fingerprint: str, dtype: str, unpack: Callable[[Path, Path, str], None]
) -> Path:
    folder = cache_folder() / f"{path.stem}-{fingerprint[:16]}-{dtype}"
    if (folder / "config.json").is_file():
        return folder
    with _draft(folder) as draft:
        try:
            unpack(path, draft, dtype)
        # A damaged file can fail the packages that read it in any way.
        except Exception as error:
            why = (str(error).strip().splitlines() or [type(error).__name__])[0][:160]
            raise EngineError(f"{path}: cannot be unpacked ({why}); check the file") from None
        # Another process may have been faster, with the same result.
        with contextlib.suppress(OSError):
            draft.rename(folder)
    return folder


@contextlib.contextmanager
def _draft(folder: Path) -> Iterator[Path]:
    with contextlib.ExitStack() as drafts:
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            draft = drafts.enter_context(draft_folder(folder))
        except OSError as error:
            raise EngineError(
                f"{folder.parent}: cannot be written ({error.strerror}); set XDG_CACHE_HOME"
            ) from None
        yield draft


def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return digest(iter(partial(file.read, _HEAD_BYTES), b""))


def _folder_digest(folder: Path) -> str:
    """Of the small files all, of the weights the sizes and the first and last megabyte."""

    def parts() -> Iterator[bytes]:
        for path in sorted(folder.iterdir()):
            if path.suffix not in {".json", ".safetensors", ".jinja", ".txt", ".model"}:
                continue
            size = path.stat().st_size
            yield f"{path.name} {size}\n".encode()
            with path.open("rb") as file:
                yield file.read(_HEAD_BYTES)
                if size > _HEAD_BYTES:
                    file.seek(max(_HEAD_BYTES, size - _HEAD_BYTES))
                    yield file.read(_HEAD_BYTES)

    return digest(parts())
