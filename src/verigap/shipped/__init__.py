"""What comes with the package to try it on: tables of samples, configurations, a run, a log.

The folders are links to the one place where each file lives in the repository; a wheel has the
files themselves.

Example:
  >>> from verigap.shipped import shipped_files
  >>> "examples/smollm2_products.parquet" in shipped_files()
  True
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from verigap.storage.files import write_durably

__all__ = ["CONTENTS", "DEMO", "Entry", "copy_files", "entries", "shipped_files", "shipped_path"]

DEMO = "examples/smollm2_products.parquet"
"""The table that `verigap demo` diagnoses."""

CONTENTS = {
    "examples/README.md": "what the tables hold, who made them, under which licences",
    DEMO: "SmolLM2-135M on 32 products of two numbers, 32 samples each, with text",
    "examples/game24_gpt4.parquet": "GPT-4 on 100 Games of 24, two prompt styles, 100 samples each",
    "examples/humaneval_codegen16b.parquet": "CodeGen on HumanEval, 100 samples, a check that errs",
    "examples/lean_minif2f.parquet": "two provers on miniF2F, 24 samples each, lengths alone",
    "examples/llama3b_math.parquet": "two checkpoints of Llama-3B on AMC23 and AIME24, 50 samples",
    "examples/bound.py": "a bound, its gradient, and its values over a grid",
    "examples/sweep.py": "a sweep without a configuration file, its check and its plot",
    "examples/verdict.py": "from samples to two decisions",
    "examples/own_learner.py": "a learner of one's own, swept beside those of the package",
    "logs/lm_eval.jsonl": "a log to import, in the layout of lm-evaluation-harness, made up",
    "configs/quickstart-tiny.yaml": "the relabelling game at three budgets, in seconds",
    "configs/hard-prompts-tiny.yaml": "the game on which cloning wins, in a second",
    "configs/planted-tiny.yaml": "small transformers, trained in a minute",
    "configs/quickstart.yaml": "201 cells; needs runs/quickstart-laws.parquet (verigap laws)",
    "runs/quickstart": "the finished run of configs/quickstart.yaml, for check and figures",
}
"""Every entry, a file or a folder, and what it is."""

_ROOT = Path(__file__).parent
# What a run in progress or an interpreter leaves beside the files.
_LEFTOVERS = ("lock", "lock.owner", "__pycache__")


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A file or a folder that comes with the package.

    Attributes:
      name: its path below the folder that it is copied to.
      about: what it is, on one line.
      files: names of the file, or of the files in the folder.
      size: bytes of all of them.
    """

    name: str
    about: str
    files: tuple[str, ...]
    size: int


def shipped_path(name: str) -> Path:
    """Where a shipped file or folder lies on this machine; to be read only.

    Example:
      >>> from verigap.shipped import DEMO, shipped_path
      >>> shipped_path(DEMO).is_file()
      True
    """
    return _ROOT / name


def entries() -> tuple[Entry, ...]:
    """Everything that comes with the package, in the order of `CONTENTS`.

    Example:
      >>> from verigap.shipped import entries
      >>> [entry.name for entry in entries()][-1]
      'runs/quickstart'
    """
    return tuple(
        Entry(
            name=name,
            about=about,
            files=(files := tuple(_files_of(name))),
            size=sum(shipped_path(each).stat().st_size for each in files),
        )
        for name, about in CONTENTS.items()
    )


def shipped_files() -> tuple[str, ...]:
    """Names of all files, sorted.

    Example:
      >>> from verigap.shipped import shipped_files
      >>> "configs/quickstart-tiny.yaml" in shipped_files()
      True
    """
    return tuple(sorted(name for entry in entries() for name in entry.files))


def _files_of(name: str) -> Iterator[str]:
    path = shipped_path(name)
    if path.is_file():
        yield name
        return
    for inside in sorted(path.rglob("*")):
        if inside.is_file() and not set(inside.parts) & set(_LEFTOVERS):
            yield inside.relative_to(_ROOT).as_posix()


def copy_files(folder: str | Path) -> tuple[Path, ...]:
    """Copy all shipped files below a folder, which is made if missing.

    Returns:
      The copies, sorted.

    Raises:
      ValueError: the folder is a file, or holds one of the files already; then nothing is copied.

    Example:
      >>> import tempfile
      >>> from verigap.shipped import copy_files, shipped_files
      >>> with tempfile.TemporaryDirectory() as folder:
      ...     len(copy_files(folder)) == len(shipped_files())
      True
    """
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder}: is a file, not a folder; choose another path")
    copies = {name: folder / name for name in shipped_files()}
    for copy in copies.values():
        for path in (copy, *copy.parents):
            if path == folder:
                break
            if path.exists() and (path == copy or not path.is_dir()):
                raise ValueError(
                    f"{path}: is there already, and nothing was copied; choose another folder"
                )
    try:
        for name, copy in copies.items():
            copy.parent.mkdir(parents=True, exist_ok=True)
            write_durably(copy, shipped_path(name).read_bytes())
    except BaseException:
        # Half of them would be in the way of the next call. None was there before this one.
        for copy in copies.values():
            copy.unlink(missing_ok=True)
        raise
    return tuple(copies.values())
