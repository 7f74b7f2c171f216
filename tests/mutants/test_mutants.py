"""The campaign sees a mutant that its tests notice, and one that they do not.

`make mutants` alters the modules of `groups`; these tests alter a repository of one line.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

from tests.mutants.equivalents import REASONS
from tests.mutants.groups import GROUPS, matching, tracked
from tests.mutants.places import Mutation, mutant, mutations, plausible, sample, silent_spans
from tests.mutants.reach import Reach, read, statement
from tests.mutants.reach import words as measuring
from tests.mutants.report import Outcome, altered_lines, score, table, unexplained
from tests.mutants.trials import Copy, End, Trial

ROOT = Path(__file__).parents[2]
SOURCE = "def larger(a: int | None, b: int) -> int | None:\n    return a if a > b else b\n"
TEST = """
from hypothesis import given, strategies
from large import larger

def test_larger():
    assert larger(2, 1) == 2
    assert larger(1, 2) == 2

@given(strategies.integers(), strategies.integers())
def test_either(a, b):
    assert larger(a, b) in (a, b)
"""


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    root = tmp_path / "root"
    (root / "src").mkdir(parents=True)
    (root / "src" / "large.py").write_text(SOURCE)
    (root / "test_large.py").write_text(TEST)
    (root / "pytest.ini").write_text("[pytest]\n")
    plugin = "tests/mutants/contexts.py"
    (root / plugin).parent.mkdir(parents=True)
    (root / plugin).write_text((ROOT / plugin).read_text())
    names = ["src/large.py", "test_large.py", "pytest.ini", plugin]
    return Copy(root, names, tmp_path / "copy", Path(sys.executable))


@pytest.mark.long
def test_what_becomes_of_mutants(copy: Copy) -> None:
    def end(after: str, timeout: float = 120.0) -> tuple[End, str]:
        altered = SOURCE.replace("a if a > b else b", after)
        trial = copy.try_out("src/large.py", altered, ["test_large.py"], timeout)
        return trial.end, trial.test

    noticed = (End.KILLED, "test_large.py::test_larger")
    # In turn, so that each is seen to be put back, of one size within a second too.
    assert end("a if a < b else b") == noticed
    assert end("a if a > b else b") == (End.SURVIVED, "")
    assert end("a if a >= b else b") == (End.SURVIVED, "")
    assert end("a if a > b else a") == noticed
    assert end("sum(iter(int, 1))", timeout=5.0) == (End.TIMED_OUT, "")
    assert end("a if a > b else")[0] is End.UNUSABLE


def test_what_computes_nothing_stays_as_it_is() -> None:
    source = "@dataclass(frozen=True)\nclass A:\n    x: int | None = 1 + 2\n" + SOURCE
    source += "def products(a, *, b):\n    return [x * y for x, y in zip(a, b, strict=True)]\n"
    spans = silent_spans(source)
    lines = source.splitlines()
    assert sorted(lines[a[0] - 1][a[1] : b[1]] for a, b in spans) == [
        "*", "True", "True", "int", "int | None", "int | None", "int | None",
    ]  # fmt: skip


def test_operators_stay_within_their_kind() -> None:
    assert plausible("core/ReplaceBinaryOperator_Add_Sub")
    assert plausible("core/ReplaceComparisonOperator_Lt_LtE")
    assert plausible("core/ReplaceUnaryOperator_Delete_Not")
    assert plausible("core/NumberReplacer")
    assert not plausible("core/ReplaceBinaryOperator_Add_LShift")
    assert not plausible("core/ReplaceComparisonOperator_Eq_Is")
    assert not plausible("core/VariableReplacer")


def test_samples_are_the_same_again() -> None:
    pytest.importorskip("cosmic_ray", reason="it is in .venv-mutants (make mutants)")
    sources = {"a.py": SOURCE, "b.py": "LIMIT = 3 + 4\n"}
    drawn = sample(sources, 100, seed=0)
    assert drawn == sample(sources, 100, seed=0)
    assert len(drawn) == len({(one.module, one.line, one.column) for one in drawn}) == 5
    assert sample(sources, 2, seed=0) == drawn[:2]
    for one in drawn:
        source = sources[one.module]
        altered = mutant(source, one)
        assert altered is not None
        assert ast.dump(ast.parse(altered)) != ast.dump(ast.parse(source))
    assert not [one for one in mutations("a.py", SOURCE) if one.line == 1]


def test_every_group_has_modules_and_tests() -> None:
    names = tracked(ROOT)
    for group in GROUPS.values():
        assert all(matching(names, (pattern,)) for pattern in group.modules + group.tests)


def test_the_quickest_tests_that_reach_a_line() -> None:
    slow, quick, other = "test_a.py::test_slow", "test_a.py::test_quick", "test_a.py::test_other"
    reach = Reach(
        lines={"a.py": {1: frozenset(), 2: frozenset({slow, quick}), 3: frozenset({other})}},
        seconds={slow: 3.0, quick: 1.0, other: 2.0},
    )
    assert reach.tests("a.py", 2, 10.0) == [quick, slow]
    assert reach.tests("a.py", 2, 3.0) == [quick]
    assert reach.tests("a.py", 3, 0.0) == [other]
    # Run while the module is imported: whatever reaches the module.
    assert reach.tests("a.py", 1, 10.0) == [quick, other, slow]
    assert reach.tests("b.py", 1, 10.0) == []
    assert [statement("x = 1\nif (a\n    and b):\n    y = (2 +\n         3)\n", line)
            for line in range(1, 6)] == [1, 2, 2, 4, 4]  # fmt: skip


def test_reasons_are_of_lines_that_are_there() -> None:
    for (module, before, after), reason in REASONS.items():
        lines = [line.strip() for line in (ROOT / module).read_text().splitlines()]
        assert before in lines, f"{module}: {before}"
        assert after != before
        assert reason


def outcome(end: End, after: str) -> Outcome:
    mutation = Mutation(module="a.py", line=2, column=0, operator="x", occurrence=0)
    return Outcome(group="g", mutation=mutation, before="a > b", after=after,
                   trial=Trial(end=end, seconds=1.0))  # fmt: skip


def test_reports_name_survivors() -> None:
    assert altered_lines("a\nb > c\n", "a\nb < c\n") == ("b > c", "b < c")
    outcomes = [outcome(End.KILLED, "a < b"), outcome(End.TIMED_OUT, "a == b"),
                outcome(End.UNUSABLE, "a"), outcome(End.SURVIVED, "a >= b")]  # fmt: skip
    assert score(outcomes, {}) == 2 / 3
    assert [one.after for one in unexplained(outcomes, {})] == ["a >= b"]
    assert "survived: a.py:2: a > b  ->  a >= b" in table(outcomes, {})
    reasons = {("a.py", "a > b", "a >= b"): "both are b"}
    assert score(outcomes, reasons) == 1.0
    assert unexplained(outcomes, reasons) == []
    assert "equivalent: a.py:2: a > b  ->  a >= b: both are b" in table(outcomes, reasons)


@pytest.mark.long
def test_what_tests_reach_is_measured(copy: Copy, tmp_path: Path) -> None:
    package = pytest.importorskip("coverage", reason="it is in .venv-mutants (make mutants)")
    kept = tmp_path / "kept"
    words = measuring(kept, ["src/large.py"])
    path = str(Path(package.__file__).parents[1])
    done = copy.run([*words, "test_large.py"], 60.0, {"PYTHONPATH": path})
    assert done.end is End.SURVIVED
    reach = read(kept, ["src/large.py"])
    # Of a test by Hypothesis too, whose own functions have names that begin like a test.
    tests = {"test_large.py::test_larger", "test_large.py::test_either"}
    assert reach.lines["src/large.py"] == {1: frozenset(), 2: tests}
    assert set(reach.tests("src/large.py", 2, 100.0)) == tests
