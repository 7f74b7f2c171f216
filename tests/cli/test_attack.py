"""`verigap attack`: what it refuses, evaluates, finds and keeps."""

import json
from pathlib import Path

import pytest

from tests.cli.command import Command, InProcess, assert_refused, succeeded

HARD = (
    "disjoint-rivals-pessimism:data_budget=7,log2_class_size=1,prompt_share=1,success=0.125,"
    "expert_share=1,horizon=8"
)
KEPT = Path(__file__).parents[1] / "sim" / "attacks" / "worst_instances.json"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["NOPE"], "bound: there is no 'NOPE'; one of VF-UPPER,"),
        (["VB-LOWER", "--starts", "0"], "--starts: must be a whole number from 1 to 4096"),
        (["VB-LOWER", "--steps", "-3"], "--steps: must be a whole number from 1"),
        (["VB-LOWER", "--instance", "x"], "--instance: expected SPACE:parameter=value,"),
        (["VB-LOWER", "--instance", HARD], "no search space of VB-LOWER; one of hard-prompts"),
        (["VB-LOWER", "--instance", "none.json"], "none.json"),
        (["VB-UPPER", "VB-LOWER", "--instance", HARD], "--instance: is of one bound, not of 2"),
        (["VB-UPPER", "--instance", HARD.replace("=0.125", "=2")], "success must be 0.0001 to 0.5"),
        (["VB-UPPER", "--instance", HARD.replace("=7", "=7.5")], "data_budget must be whole"),
        # Before the search, which may take an hour.
        (["VB-LOWER", "--out", "none/worst.json"], "none/worst.json: there is no folder none"),
    ],
)
def test_bad_input(in_process: InProcess, arguments: list[str], says: str) -> None:
    assert_refused(in_process("attack", *arguments), says)


@pytest.mark.smoke
def test_an_instance_by_hand(in_process: InProcess) -> None:
    # (H/c0) phi(2, 7) = 64 (7/8)^7 / 8, and all of H is lost with probability (7/8)^7.
    done = succeeded(in_process("attack", "VB-UPPER-EXPECTATION", "--instance", HARD, "--json"))
    (found,) = json.loads(done.stdout)
    assert found["value"] == pytest.approx(8 * (7 / 8) ** 7, rel=1e-12)
    assert found["in_fractions"] == pytest.approx(1.0, rel=1e-12)
    assert found["in_fractions"] <= 1.0
    assert not found["violated"]
    assert found["command"] == f"verigap attack VB-UPPER-EXPECTATION --instance {HARD}"


def test_a_control_is_broken(in_process: InProcess) -> None:
    done = in_process("attack", "CONTROL-VB-UPPER-WITHOUT-COVERAGE", "--instance", HARD)
    assert done.returncode == 1
    assert "CONTROL-VB-UPPER-WITHOUT-COVERAGE is broken" in done.stdout


def test_kept_instances(in_process: InProcess) -> None:
    done = succeeded(in_process("attack", "VB-LOWER", "VB-UPPER", "--instance", KEPT, "--json"))
    bounds = {found["instance"]["bound"] for found in json.loads(done.stdout)}
    assert bounds == {"VB-LOWER", "VB-UPPER"}


@pytest.mark.long
def test_a_search(verigap: Command, tmp_path: Path) -> None:
    asked = ("attack", "VB-LOWER", "--starts", 4, "--steps", 20, "--out", tmp_path / "worst.json")
    first = succeeded(verigap(*asked))
    assert "no instance that was tried breaks VB-LOWER\n" in first.stdout
    lines = first.stdout.splitlines()
    (command,) = (line.partition("the worst: ")[2] for line in lines if "the worst: " in line)
    again = succeeded(verigap(*command.split()[1:]))
    assert again.stdout.startswith(f"{command}\n")
    assert succeeded(verigap(*asked)).stdout == first.stdout
    broken = verigap("attack", "CONTROL-VB-UPPER-WITHOUT-COVERAGE", "--starts", 2, "--steps", 10)
    assert broken.returncode == 1
    assert "CONTROL-VB-UPPER-WITHOUT-COVERAGE is broken\n" in broken.stdout
