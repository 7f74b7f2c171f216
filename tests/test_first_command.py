"""The benchmark of README's first command: how it splits seconds, and that it names a failure."""

from pathlib import Path

import pytest

from benchmarks.first_command import COMMAND, split, wall_seconds

ROOT = Path(__file__).resolve().parent.parent


def test_the_parts_add_up() -> None:
    seconds = split(50.0, 88.0, 60.0)
    assert seconds["install"] + seconds["compile"] + seconds["compute"] == seconds["all"]
    # Where a second run is no faster nothing is left to compile.
    assert split(50.0, 60.0, 61.0)["compile"] == 0.0


def test_it_runs_the_command_of_the_readme() -> None:
    assert f"\n{' '.join(COMMAND)} " in (ROOT / "README.md").read_text()


def test_a_command_that_fails_is_named(tmp_path) -> None:
    with pytest.raises(RuntimeError, match="false"):
        wall_seconds(("false",), tmp_path, tmp_path)
