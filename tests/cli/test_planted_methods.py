"""The comparison of methods as a user runs it: interrupted, resumed, checked; what is refused."""

import json
import signal
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.command import (
    TIMEOUT,
    Command,
    InProcess,
    assert_refused,
    stored_rows,
    succeeded,
)

PLAN = {"steps": 10, "batch": 8, "rate": 0.003}
BLOCK: dict[str, Any] = {
    "game": "planted-methods", "symbols": 2, "vocabulary": 4, "longest": 6, "horizon": 6,
    "data_budget": 24, "width": 8, "layers": 1, "heads": 1, "samples": 8, "held_out": 2,
    "num_candidates": 4, "orders": 4, "beam": {"step": 3},
    "pretraining": {"steps": 100, "batch": 16, "rate": 0.01}, "cloning": PLAN, "verifier": PLAN,
    "verifiers": [{"name": "learned"}, {"name": "erring", "unchecked": 1}],
    "trained": [
        "cloning", "limited-cloning", "rejection", "reinforcement", "exploration",
        "distil-then-reinforce",
    ],
    "reinforcement": {"steps": 10, "prompts": 2, "group": 2},
    "family": "high",
}  # fmt: skip
EITHER = {
    "best-of-n", "weighted-vote", "pessimistic-best-of-n", "until-accepted", "guided-beam",
}  # fmt: skip
REINFORCED = ("reinforcement", "exploration", "distil-then-reinforce")
CLONED = ("cloning", "limited-cloning", "rejection-1", "rejection-3")


def _config(folder: Path, **changed: object) -> Path:
    path = folder / "c.yaml"
    block = {"name": "methods", **BLOCK, **changed}
    path.write_text(yaml.safe_dump({"replicates": 2, "sweeps": [block]}))
    return path


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _config(tmp_path_factory.mktemp("methods"))


@pytest.fixture(scope="module")
def whole(verigap: Command, config: Path) -> Path:
    """Its run folder, swept in one go. To be read only."""
    folder = config.with_name("whole")
    succeeded(verigap("sweep", config, "--out", folder))
    return folder


@pytest.mark.long
def test_every_method_has_its_row_within_the_budget(whole: Path) -> None:
    rows = stored_rows(whole)
    assert len(rows) == 2
    for row in rows:
        found = {(entry["method"], entry["verifier"]) for entry in row["methods"]}
        assert found == {
            ("base", ""), ("vote", ""), ("beam", ""), ("best-of-n", "exact"),
            ("until-accepted", "exact"),
            *((name, kind) for name in EITHER for kind in ("learned", "erring")),
            *((name, "") for name in CLONED),
            *((f"{name}, vote", "") for name in CLONED),
            *((name, "learned") for name in REINFORCED),
            *((f"{name}, best-of-n", "learned") for name in REINFORCED),
            *((f"{name}, until-accepted", "learned") for name in REINFORCED),
        }  # fmt: skip
        for entry in row["methods"]:
            assert entry["demonstrations"] + entry["labels"] <= row["budget_traces"] == 24
            assert entry["training_tokens"] <= row["budget_training_tokens"]
            assert entry["answer_tokens"] <= row["budget_answer_tokens"] == 24
            assert len(entry["value"]) == len(entry["success"]) == 2
        labelled = {
            entry["method"]: (entry["demonstrations"], entry["labels"]) for entry in row["methods"]
        }
        assert labelled["vote"] == labelled["beam"] == labelled["base"] == (0, 0)
        assert labelled["cloning"] == labelled["limited-cloning"] == (24, 0)
        assert labelled["rejection-3"] == labelled["reinforcement"] == (0, 24)
        assert labelled["distil-then-reinforce"] == (12, 12)


@pytest.mark.long
def test_interrupted_it_continues_to_the_same_numbers(
    verigap: Command, config: Path, whole: Path
) -> None:
    folder = config.with_name("halved")
    process = verigap.start("sweep", config, "--out", folder)
    deadline = time.monotonic() + TIMEOUT
    # Once the base is there, methods are trained.
    while not list(folder.glob("bases/*[0-9a-f].safetensors")) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 130, errors
    succeeded(verigap("sweep", config, "--out", folder))
    # As text, in which an unknown number is like another.
    assert str(stored_rows(folder)) == str(stored_rows(whole))


@pytest.mark.long
def test_check_names_the_winners_and_all_methods(verigap: Command, whole: Path) -> None:
    content = json.loads(succeeded(verigap("check", whole, "--json")).stdout)
    (setting,) = content["methods"]
    assert (setting["trainings"], content["cells"]) == (2, 2)
    assert "bounds" not in content
    assert [winner["verifier"] for winner in setting["winners"]] == [
        "", "exact", "learned", "erring",
    ]  # fmt: skip
    for winner in setting["winners"]:
        allowed = [
            point
            for point in setting["points"]
            if point["verifier"] in ("", winner["verifier"])
            and (winner["verifier"] or point["side"] != "vb")
        ]
        best = max(point["value"]["estimate"] for point in allowed)
        assert winner["point"]["value"]["estimate"] == best
    assert "first in resamples" in succeeded(verigap("check", whole)).stdout
    table = succeeded(verigap("check", whole, "--all")).stdout
    for name in (*EITHER, *REINFORCED, *CLONED):
        assert name in table


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"verifiers": []}, "verifiers: the list is empty"),
        ({"verifiers": [{"name": "a", "unchecked": 2}]}, "one at least must be checked and seen"),
        ({"verifiers": [{"name": "a", "flipped": 0.5}]}, "flipped"),
        ({"reinforcement": None}, "reinforcement is missing"),
        ({"beam": {"step": 4}}, "step 4 does not divide H = 6"),
        ({"trained": ["sft"]}, "trained"),
        ({"rounds": [1, 11]}, "at most 10 here"),
        ({"learners": ["vf-mle"]}, "unknown key"),
        ({"trial": 1}, "counted by the sweep"),
        ({"replicates": 4}, "the game planted-methods takes that of the whole sweep"),
    ],
)
def test_what_cannot_be_compared_is_one_line(
    in_process: InProcess, tmp_path: Path, changed: dict[str, object], says: str
) -> None:
    out = tmp_path / "run"
    assert_refused(in_process("sweep", _config(tmp_path, **changed), "--out", out), says)
    assert not out.exists()


def test_games_that_cannot_share_a_folder_are_refused(
    in_process: InProcess, tmp_path: Path
) -> None:
    simulated = {"name": "game", "horizon": 8, "data_budget": 8, "log2_class_size": 4}
    blocks = [{"name": "methods", **BLOCK}, simulated]
    path = tmp_path / "mixed.yaml"
    path.write_text(yaml.safe_dump({"replicates": 2, "sweeps": blocks}))
    refused = in_process("sweep", path, "--out", tmp_path / "run")
    assert_refused(
        refused, "cells of planted-methods and of another game cannot share a run folder"
    )
    assert not (tmp_path / "run").exists()


@pytest.mark.long
def test_a_figure_of_other_cells_is_refused(in_process: InProcess, whole: Path) -> None:
    planted = in_process("figures", "planted", "--run", whole, "--out", whole.with_name("figures"))
    assert_refused(planted, "has no blocks horizon and data")
