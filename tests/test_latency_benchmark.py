"""The latency benchmark: what it calls slower, and what it measures."""

import sys

import pytest

from benchmarks.latency import COMMANDS, Latency, measure, row, slower, user_seconds


def kept(multiple: float) -> dict:
    at = {"multiple": multiple}
    return {"name": "bounds", "cold": at, "warm": at}


def test_slower_is_judged_by_multiples_of_the_same_machine() -> None:
    assert slower([kept(5.0)], [kept(5.0)]) == []
    assert slower([kept(6.0)], [kept(5.0)]) == []
    assert slower([kept(7.5)], [kept(5.0)]) == [
        "bounds, cold: 1.50 times what was kept",
        "bounds, warm: 1.50 times what was kept",
    ]
    # A command that was not measured then cannot be slower.
    assert slower([kept(7.5)], []) == []


def test_a_command_that_fails_is_no_measurement(tmp_path) -> None:
    with pytest.raises(RuntimeError, match="out of order"):
        user_seconds([sys.executable, "-c", "raise SystemExit('out of order')"], str(tmp_path))


def test_user_seconds_are_those_of_the_processor(tmp_path) -> None:
    # Busy for long enough that a clock which counts in coarse ticks sees it, then asleep.
    code = "import os, time\nwhile os.times().user < 0.3: pass\ntime.sleep(1)"
    assert 0.2 < user_seconds([sys.executable, "-c", code], str(tmp_path)) < 0.9


def test_a_row_holds_what_was_asked_for() -> None:
    version = Latency(name="version", arguments=("--version",), cold=0.2, warm=0.1)
    content = row(version, measure(version, 1))
    assert content["cold"]["target_seconds"] == 0.2
    assert content["warm"]["lowest"] <= content["warm"]["seconds"] <= content["warm"]["highest"]
    assert content["cold"]["multiple"] == pytest.approx(
        content["cold"]["seconds"] / content["import_jax_seconds"]
    )
    assert len({each.name for each in COMMANDS}) == len(COMMANDS)
