"""Configurations of the planted-subsequence experiment: cells, names and refusals."""

import pytest
import yaml

from verigap.sim.planted.parameters import PlantedParameters
from verigap.sim.sweeps.cells import TrainedCell, load_sweep
from verigap.sim.sweeps.config import ConfigError

PLAN = {"steps": 10}
BLOCK = {
    "name": "b", "game": "planted", "family": "low", "horizon": 8, "data_budget": 64, "longest": 12,
    "pretraining": PLAN, "cloning": PLAN, "verifier": PLAN,
}  # fmt: skip


def _load(tmp_path, block, **top):
    path = tmp_path / "c.yaml"
    path.write_text(yaml.safe_dump({"replicates": 3, **top, "sweeps": [block]}))
    return load_sweep(path)


def test_every_replicate_is_a_cell_of_its_own(tmp_path):
    block = {key: value for key, value in BLOCK.items() if key != "data_budget"}
    cells = _load(tmp_path, {**block, "grid": {"data_budget": [64, 128]}}).cells
    trained = [cell for cell in cells if isinstance(cell, TrainedCell)]
    assert [(cell.parameters.data_budget, cell.parameters.trial) for cell in trained] == [
        (n, trial) for n in (64, 128) for trial in range(3)
    ]
    assert len({cell.name for cell in cells}) == 6


def test_more_replicates_keep_the_cells_there_are(tmp_path):
    few = _load(tmp_path, BLOCK).cells
    many = _load(tmp_path, BLOCK, replicates=5).cells
    assert [cell.name for cell in many[:3]] == [cell.name for cell in few]


def test_cells_of_one_base_share_its_checkpoint():
    first = PlantedParameters.model_validate({k: v for k, v in BLOCK.items() if k != "name"})
    same = first.model_copy(
        update={"horizon": 12, "data_budget": 256, "trial": 4, "chi2_radius": 2.0}
    )
    assert first.base_name == same.base_name
    for change in ({"family": "high"}, {"longest": 16}, {"task": 1}, {"width": 32}):
        assert first.model_copy(update=change).base_name != first.base_name


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"horizon": 16}, "horizon 16 exceeds longest, 12"),
        ({"symbols": 5, "horizon": 4}, "5 symbols do not fit into 4 tokens"),
        ({"held_out": 64}, "held_out 64 leaves no prompt to train on"),
        ({"num_candidates": 256}, "num_candidates 256 exceeds samples, 128"),
        ({"width": 65}, "width 65 is not a multiple of 2 heads"),
        ({"trial": 1}, "trial: is counted by the sweep"),
        ({"family": "middling"}, "family"),
        ({"steps": 3}, "unknown key"),
        ({"chi2_radius": 0}, "chi2_radius"),
        ({"cloning": {"steps": 0}}, "cloning.steps"),
        ({"policy_gradient": {"steps": 3, "methods": ["ppo"]}}, "policy_gradient.methods"),
    ],
)
def test_what_cannot_be_run_is_refused_in_one_line(tmp_path, change, message):
    with pytest.raises(ConfigError) as error:
        _load(tmp_path, {**BLOCK, **change})
    assert message in str(error.value)
    assert "\n" not in str(error.value)
    assert str(tmp_path / "c.yaml") in str(error.value)


def test_the_number_of_trainings_must_be_given(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text(yaml.safe_dump({"sweeps": [BLOCK]}))
    with pytest.raises(ConfigError, match="replicates: is missing"):
        load_sweep(path)
