"""Which tests reach which line of a module, and how long they take: measured once, then kept."""

from __future__ import annotations

import ast
import hashlib
import importlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

OPTIONS = Path(__file__).with_name("coverage.ini")
_DATA, _TESTS = "coverage.sqlite", "tests.xml"


@dataclass(frozen=True, kw_only=True)
class Reach:
    """What the tests of a group reach.

    Attributes:
      lines: test functions, by their pytest names, that reach each line of each module.
      seconds: how long each test function took, with all its parameters and few examples.
    """

    lines: Mapping[str, Mapping[int, frozenset[str]]]
    seconds: Mapping[str, float]

    def tests(self, module: str, line: int, limit: float) -> list[str]:
        """The quickest tests that reach a line, of so many seconds together but at least one.

        Where none does, as where it is run while the module is imported, those that reach any line
        of the module.
        """
        reached = self.lines.get(module, {})
        found = reached.get(line) or frozenset().union(*reached.values())
        taken, used = list[str](), 0.0
        for test in sorted(found, key=lambda test: (self.seconds[test], test)):
            if taken and used + self.seconds[test] > limit:
                break
            taken.append(test)
            used += self.seconds[test]
        return taken


def statement(source: str, line: int) -> int:
    """The first line of the innermost statement that a line belongs to."""
    starts = [node.lineno for node in ast.walk(ast.parse(source)) if isinstance(node, ast.stmt)
              and node.lineno <= line <= (node.end_lineno or 0)]  # fmt: skip
    return max(starts, default=line)


def words(folder: Path, modules: Sequence[str]) -> list[str]:
    """What Python is given, before the tests, to measure them and write to a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    return [
        "-m", "coverage", "run", f"--rcfile={OPTIONS}", f"--data-file={folder / _DATA}",
        f"--include={','.join(modules)}", "-m", "pytest", "-q", "-n0", "-p", "no:cacheprovider",
        "-p", "tests.mutants.contexts", "--tb=short", "-o", "junit_family=xunit1",
        f"--junitxml={folder / _TESTS}",
    ]  # fmt: skip


def read(folder: Path, modules: Sequence[str]) -> Reach:
    """What was measured of some modules and written to a folder."""
    coverage: Any = importlib.import_module("coverage")
    seconds = dict[str, float]()
    for case in ET.parse(folder / _TESTS).iter("testcase"):
        test = f"{case.get('file')}::{case.get('name')}".partition("[")[0]
        seconds[test] = seconds.get(test, 0.0) + float(case.get("time", 0.0))
    data = coverage.CoverageData(str(folder / _DATA))
    data.read()
    lines = {
        module: {
            line: frozenset(contexts) & seconds.keys()
            for line, contexts in data.contexts_by_lineno(path).items()
        }
        for path in data.measured_files()
        for module in modules
        # The files of a copy are measured.
        if path.endswith(f"/{module}")
    }
    return Reach(lines=lines, seconds=seconds)


def digest(contents: Iterable[bytes]) -> str:
    """Tells whether what was measured is still what would be."""
    return hashlib.sha256(b"\0".join(contents)).hexdigest()[:16]
