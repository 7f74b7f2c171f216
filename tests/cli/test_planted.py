"""The planted-subsequence experiment as a user runs it: interrupted, resumed, checked, drawn."""

import json
import signal
import time
from pathlib import Path

import polars as pl
import pytest
import yaml

from tests.cli.command import TIMEOUT, Command, InProcess, assert_refused, stored_rows, succeeded
from verigap.sim.models.checkpoints import load_parameters
from verigap.sim.sweeps.cells import TrainedCell, load_sweep

# Its networks train for most of a minute.
pytestmark = pytest.mark.long

PLAN = {"steps": 20, "batch": 16, "rate": 0.003}
BLOCK = {
    "game": "planted", "symbols": 2, "vocabulary": 4, "longest": 6, "horizon": 6, "data_budget": 20,
    "width": 8, "layers": 1, "heads": 1, "samples": 16, "held_out": 2, "num_candidates": 4,
    "pretraining": {"steps": 400, "batch": 16, "rate": 0.01}, "cloning": PLAN, "verifier": PLAN,
    "family": "high",
}  # fmt: skip
CONFIG = {
    "replicates": 2,
    "sweeps": [
        {
            "name": "rl",
            **BLOCK,
            "policy_gradient": {
                "steps": 4, "prompts": 2, "group": 2, "methods": ["grpo"], "leashes": ["chi2"],
            },
        },
    ],
}  # fmt: skip


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("planted") / "c.yaml"
    path.write_text(yaml.safe_dump(CONFIG))
    return path


@pytest.fixture(scope="module")
def whole(verigap: Command, config: Path) -> Path:
    """Its run folder, swept in one go. To be read only."""
    folder = config.with_name("whole")
    succeeded(verigap("sweep", config, "--out", folder))
    return folder


def test_every_part_reports_its_numbers(whole: Path) -> None:
    rows = stored_rows(whole)
    assert [row["trial"] for row in sorted(rows, key=lambda row: row["trial"])] == [0, 1]
    for row in rows:
        names = [entry["learner"] for entry in row["policies"]]
        assert names == ["vf-cloning", "vb-best-of-n", "vb-grpo-chi2"]
        for entry in row["policies"]:
            assert len(entry["value"]) == len(entry["leashed"]) == 2
            assert all(0 <= value <= 6 for value in entry["value"] + entry["leashed"])
            assert entry["training_flops"] > 0
            assert entry["trace_tokens"] == (24 if entry["learner"] == "vb-best-of-n" else 6)
        # Equal budgets: the same network but for its head.
        head = (4 - 1) * (8 + 1)
        assert row["parameters"]["policy"] - row["parameters"]["verifier"] == head
    # The base is kept, and nothing unfinished beside it.
    assert [path.suffixes for path in (whole / "bases").iterdir()] == [[".safetensors"]]


def test_interrupted_in_pre_training_it_continues_to_the_same_numbers(
    verigap: Command, config: Path, whole: Path
) -> None:
    folder = config.with_name("halved")
    process = verigap.start("sweep", config, "--out", folder)
    deadline = time.monotonic() + TIMEOUT
    while not list(folder.glob("bases/*.state.safetensors")) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 130, errors
    assert "the same command continues where it stopped" in errors
    assert not list((folder / "cells").iterdir())
    succeeded(verigap("sweep", config, "--out", folder))
    assert stored_rows(folder) == stored_rows(whole)


def test_check_measures_and_says_what_is_under_trained(verigap: Command, whole: Path) -> None:
    done = verigap("check", whole, "--json")
    content = json.loads(done.stdout)
    (point,) = content["trained"]["points"]
    assert point["trainings"] == 2
    assert point["gap"]["low"] <= point["gap"]["estimate"] <= point["gap"]["high"]
    assert "bounds" not in content
    table = verigap("check", whole, "--all").stdout
    assert "vb-grpo-chi2" in table
    if point["verifier_correlation"] < 0.1 or point["base_kl"] > 0.5:
        assert done.returncode == 1
        assert "under-trained" in table
    else:
        assert done.returncode == 0


def test_a_damaged_base_is_one_line(verigap: Command, config: Path, whole: Path) -> None:
    (base,) = (whole / "bases").iterdir()
    other = config.parent / "other"
    (other / "bases").mkdir(parents=True)
    (other / "c.yaml").write_bytes(config.read_bytes())
    (other / "bases" / base.name).write_bytes(base.read_bytes()[:-8])
    done = verigap("sweep", other / "c.yaml", "--out", other / "run")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    (error,) = set(pl.read_parquet(other / "run" / "failures.parquet")["error"])
    assert base.name in error


def test_a_figure_without_its_cells_is_refused(in_process: InProcess, whole: Path) -> None:
    out = whole.with_name("figures")
    assert_refused(in_process("figures", "--run", whole, "--out", out), "name the figures")
    named = in_process("figures", "planted", "--run", whole, "--out", out)
    assert_refused(named, "has no blocks horizon and data")
    for option in (["--full"], ["--data", whole.parent]):
        both = in_process("figures", "planted", "--run", whole, *option, "--out", out)
        assert_refused(both, "leave one out")
    assert not out.exists()


ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", ["planted-small", "planted-asymptote"])
def test_the_page_shows_the_committed_run(verigap: Command, name: str) -> None:
    stored = ROOT / "docs" / "runs" / name
    done = succeeded(verigap("check", stored, "--all"))
    assert done.stderr == ""
    page = (ROOT / "docs" / "planted.md").read_text(encoding="utf-8")
    shown = [line.rstrip() for line in done.stdout.splitlines()]
    written = {line.rstrip() for line in page.splitlines()}
    assert [line for line in shown if line and line not in written] == []
    # The run is that of the configuration beside it, as it is now.
    resolved = load_sweep(ROOT / "configs" / f"{name}.yaml").resolved_yaml()
    assert (stored / "config.yaml").read_text(encoding="utf-8") == resolved


def test_the_tiny_configuration_has_every_part() -> None:
    sweep = load_sweep(ROOT / "configs" / "planted-tiny.yaml")
    trained = [cell.parameters for cell in sweep.cells if isinstance(cell, TrainedCell)]
    assert {cell.family for cell in trained} == {"low", "high"}
    for cell in trained:
        assert cell.policy_gradient is not None
        assert set(cell.policy_gradient.methods) == {"reinforce", "grpo"}
        assert set(cell.policy_gradient.leashes) == {"kl", "chi2"}


def test_both_bases_of_the_small_experiment_are_kept() -> None:
    sweep = load_sweep(ROOT / "configs" / "planted-small.yaml")
    names = {cell.parameters.base_name for cell in sweep.cells if isinstance(cell, TrainedCell)}
    assert len(names) == 2
    for name in names:
        path = ROOT / "configs" / "bases" / f"{name}.safetensors"
        assert path.stat().st_size < 450_000
        load_parameters(path)
