"""A sweep gives the same numbers on any number of devices, but for their last digits."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command import Command, stored_rows, succeeded


def assert_same(one: Any, other: Any, where: str) -> None:
    """Equal up to the rounding of sums whose terms are added in another order."""
    if isinstance(one, dict):
        assert one.keys() == other.keys(), where
        for key, value in one.items():
            assert_same(value, other[key], f"{where}.{key}")
    elif isinstance(one, list):
        assert len(one) == len(other), where
        for place, value in enumerate(one):
            assert_same(value, other[place], f"{where}[{place}]")
    elif isinstance(one, float):
        both_nan = math.isnan(one) and math.isnan(other)
        assert both_nan or math.isclose(one, other, rel_tol=1e-12, abs_tol=1e-12), where
    else:
        assert one == other, where


@pytest.mark.long
def test_the_devices_do_not_matter(
    verigap: Command, mixed_config: Path, mixed_run: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    flags = verigap.environment["XLA_FLAGS"]
    env = {"XLA_FLAGS": f"{flags} --xla_force_host_platform_device_count=8"}
    succeeded(verigap("sweep", mixed_config, "--out", run, env=env))
    counts = [
        json.loads((path / "provenance.json").read_text())["device_count"]
        for path in (mixed_run, run)
    ]
    assert counts == [1, 8]
    # Not to the last digit: a device gets a part of the batch, and for another shape XLA compiles
    # another program. Sums over prompts, even that of a cell's sd, are then added in another order.
    one, eight = stored_rows(mixed_run), stored_rows(run)
    assert [row["cell"] for row in eight] == [row["cell"] for row in one]
    for row, same in zip(one, eight, strict=True):
        assert_same(row, same, row["block"])
