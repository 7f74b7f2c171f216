"""Which modules are altered, and the tests that should notice."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path, PurePath


@dataclass(frozen=True, kw_only=True)
class Group:
    """Modules with one set of tests.

    Attributes:
      modules: patterns of paths below the root of the repository.
      tests: patterns of test files.
    """

    modules: tuple[str, ...]
    tests: tuple[str, ...]


GROUPS: Mapping[str, Group] = {
    "bounds": Group(
        modules=("theory/bounds/*.py",),
        tests=(
            "tests/theory/test_bound*.py",
            "tests/theory/test_exact_*.py",
            "tests/theory/test_mle_success.py",
            "tests/theory/test_numbers.py",
            "tests/theory/test_separation.py",
            "tests/theory/test_survivors.py",
            "tests/theory/test_vb_*.py",
            "tests/theory/test_vf_*.py",
        ),
    ),
    "theory": Group(
        modules=("theory/*.py", "theory/risks/*.py"), tests=("tests/theory/test_*.py",)
    ),
    "frontier": Group(
        modules=("theory/frontier/*.py",), tests=("tests/theory/frontier/test_*.py",)
    ),
    "checks": Group(modules=("sim/checks/*.py",), tests=("tests/sim/checks/test_*.py",)),
    "fitting": Group(
        modules=("llm_validation/fitting/*.py", "llm_validation/intervals.py"),
        tests=(
            "tests/llm_validation/fitting/test_*.py",
            "tests/llm_validation/test_budgets.py",
            "tests/llm_validation/test_intervals.py",
            "tests/llm_validation/test_laws.py",
        ),
    ),
    "reporting": Group(
        modules=("llm_validation/reporting/*.py",),
        tests=("tests/llm_validation/reporting/test_*.py",),
    ),
    "readers": Group(
        modules=(
            "llm_validation/answers.py",
            "llm_validation/extraction.py",
            "llm_validation/flag_words.py",
            "llm_validation/json_answers.py",
            "llm_validation/numerals.py",
            "llm_validation/traces.py",
            "llm_validation/importers/*.py",
            "llm_validation/tasks/assertions.py",
        ),
        tests=("tests/llm_validation/test_*.py",),
    ),
}


def tracked(root: Path) -> list[str]:
    """The files of the repository that are not ignored, by their paths."""
    words = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(words, cwd=root, capture_output=True, text=True, check=True)
    # A file that was removed is listed until that is committed.
    return [name for name in listed.stdout.splitlines() if (root / name).is_file()
            or (root / name).is_symlink()]  # fmt: skip


def matching(names: Sequence[str], patterns: tuple[str, ...]) -> list[str]:
    """The names that a pattern fits; `*` stays within a folder."""
    return sorted({name for name in names for pattern in patterns
                   if len(PurePath(name).parts) == len(PurePath(pattern).parts)
                   and fnmatch(name, pattern)})  # fmt: skip
