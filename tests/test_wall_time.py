"""The seconds that a run of tests prints."""

from pathlib import Path
from types import SimpleNamespace

from tests.wall_time import LONG_SECONDS, REASONS, by_file, lines


def test_seconds_of_a_file_are_those_of_all_its_phases() -> None:
    reports = [
        SimpleNamespace(duration=1.0, nodeid="a.py::test_one"),
        SimpleNamespace(duration=2.5, nodeid="b.py::test_two[x::y]"),
        SimpleNamespace(duration=0.5, nodeid="a.py::test_one"),
        SimpleNamespace(what="a warning"),
    ]
    assert by_file(reports) == {"b.py": 2.5, "a.py": 1.5}


def test_a_long_file_says_why_or_that_it_does_not() -> None:
    known, reason = next(iter(REASONS.items()))
    shown = lines({known: LONG_SECONDS, "new.py": LONG_SECONDS, "short.py": 1.0})
    assert reason in shown[0]
    assert "no reason given" in shown[1]
    assert "reason" not in shown[2]


def test_reasons_are_of_files_that_are_there() -> None:
    root = Path(__file__).parents[1]
    assert [path for path in REASONS if not (root / path).is_file()] == []
