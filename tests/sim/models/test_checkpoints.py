"""Files of parameters and training states: faithful, and refused in one line when they are not."""

from pathlib import Path

import jax
import numpy as np
import pytest

from tests.sim.models import interrupted_training as job
from tests.sim.models.small_models import CONFIG, lively
from verigap.sim.models.checkpoints import (
    load_parameters,
    load_state,
    save_parameters,
    save_state,
)
from verigap.sim.models.config import TransformerConfig
from verigap.sim.models.training import TrainingPlan, start

PARAMS = lively(CONFIG)
PLAN = TrainingPlan(steps=10, batch=2, peak_rate=0.1, warmup=1, weight_decay=0.1)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    file = tmp_path / "model.safetensors"
    save_parameters(file, PARAMS, CONFIG)
    return file


def refusal(file: Path, config: TransformerConfig | None = CONFIG) -> str:
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        load_parameters(file, config)
    message = str(caught.value)
    assert message.startswith(f"{file}: ")
    assert "\n" not in message
    return message


@pytest.mark.smoke
def test_parameters_come_back_with_their_configuration(saved: Path) -> None:
    params, config = load_parameters(saved)
    assert config == CONFIG
    assert jax.tree.structure(params) == jax.tree.structure(PARAMS)
    jax.tree.map(np.testing.assert_array_equal, params, PARAMS)
    assert [p.name for p in saved.parent.iterdir()] == [saved.name]


def test_states_come_back_whole(tmp_path: Path) -> None:
    file = tmp_path / "state.safetensors"
    # Strings and paths are both taken.
    begun = start(PARAMS, PLAN)
    save_state(str(file), begun, CONFIG, PLAN)
    assert load_state(str(file), CONFIG, PLAN).losses.shape == (0,)
    state = begun._replace(step=7, losses=np.array([2.0, 1.0], np.float32))
    save_state(file, state, CONFIG, PLAN)
    found = load_state(file, CONFIG, PLAN)
    assert type(found.step) is int
    assert jax.tree.structure(found) == jax.tree.structure(state)
    jax.tree.map(np.testing.assert_array_equal, found, state)
    same_types = jax.tree.map(lambda a, b: np.asarray(a).dtype == b.dtype, found[:2], state[:2])
    assert jax.tree.all(same_types)


def test_missing_and_foreign_files_are_refused(tmp_path: Path) -> None:
    assert "No such file" in refusal(tmp_path / "none")
    assert "Is a directory" in refusal(tmp_path)
    foreign = tmp_path / "foreign"
    for content in (b"", b"\x00" * 4, b"PAR1" * 100, b"\xff" * 64):
        foreign.write_bytes(content)
        assert "no checkpoint" in refusal(foreign)


def test_other_models_and_plans_are_refused(saved: Path) -> None:
    other = TransformerConfig(vocabulary=8, outputs=4, length=40, layers=2, width=16, heads=4)
    message = refusal(saved, other)
    assert "width = 8, not 16; heads = 2, not 4" in message
    with pytest.raises(ValueError, match="holds parameters in format"):
        load_state(saved, CONFIG, PLAN)
    save_state(saved, start(PARAMS, PLAN), CONFIG, PLAN)
    assert "holds training state" in refusal(saved)
    with pytest.raises(ValueError, match="steps = 10, not 120"):
        load_state(saved, CONFIG, job.PLAN)


def test_damage_anywhere_is_noticed(saved: Path) -> None:
    whole = saved.read_bytes()
    for length in (1, 100, len(whole) // 2, len(whole) - 1):
        saved.write_bytes(whole[:length])
        refusal(saved)
    saved.write_bytes(whole + b"\x00")
    refusal(saved)
    places = np.random.default_rng(0).integers(0, len(whole), 100)
    for place in [*range(8), *places]:
        flipped = bytearray(whole)
        flipped[place] ^= 1
        saved.write_bytes(flipped)
        refusal(saved)


def test_a_consistent_file_of_other_tensors_is_refused(saved: Path) -> None:
    wider = TransformerConfig(vocabulary=8, outputs=5, length=40, layers=2, width=8, heads=2)
    save_parameters(saved, lively(wider), CONFIG)
    assert "other tensors" in refusal(saved)
