"""Attacks: false bounds fall, true ones do not, and a file that is continued."""

import json
import time
from pathlib import Path

import pytest

from verigap.sim.attacks import Effort, attack, search
from verigap.theory.bounds.controls import CONTROLS

LITTLE = Effort(starts=8, steps=40, seed=0)


@pytest.mark.long
@pytest.mark.parametrize("name", CONTROLS)
def test_every_control_falls_within_a_minute(name: str) -> None:
    began = time.process_time()
    found = attack(name, effort=LITTLE)
    assert not found.ok
    worst = found.by_bound[name].worst["anywhere"]
    assert worst is not None
    assert worst.violated
    assert worst.closeness > 1.2
    # Of one core, however busy the machine is.
    assert time.process_time() - began < 60.0


@pytest.mark.long
def test_a_file_is_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "worst.json"
    first = attack(["VB-LOWER", "VB-UPPER-ERRORS"], effort=LITTLE, out=path)
    kept = path.read_bytes()

    def searched_again(*arguments: object) -> None:
        raise AssertionError(f"searched again: {arguments}")

    with monkeypatch.context() as patch:
        patch.setattr(search, "_climbed", searched_again)
        again = attack(["VB-UPPER-ERRORS", "VB-LOWER"], effort=LITTLE, out=path)
        assert again.by_bound["VB-LOWER"] == first.by_bound["VB-LOWER"]
        assert list(again.by_bound) == ["VB-UPPER-ERRORS", "VB-LOWER"]
        with pytest.raises(AssertionError, match="searched again"):
            attack("VB-LOWER", effort=Effort(starts=8, steps=40, seed=1), out=path)
    assert path.read_bytes() == kept
    assert list(json.loads(kept)["bounds"]) == ["VB-LOWER", "VB-UPPER-ERRORS"]


def test_another_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.json"
    for content in ("{}", "no JSON", "[]"):
        path.write_text(content)
        with pytest.raises(ValueError, match="is no file of worst instances"):
            attack("VB-LOWER", effort=LITTLE, out=path)
        assert path.read_text() == content


def test_numbers_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match="starts: must be a whole number from 1"):
        Effort(starts=0, steps=1, seed=0)
    with pytest.raises(ValueError, match="seed: must be a whole number from 0"):
        Effort(starts=1, steps=1, seed=-1)
    with pytest.raises(ValueError, match="bound: there is no 'VB'; one of VF-UPPER"):
        attack("VB", effort=LITTLE)
