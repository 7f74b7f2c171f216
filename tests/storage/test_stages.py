"""Results of stages come back as they were, or not at all."""

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from verigap.llm_validation.intervals import Statistic
from verigap.storage.progress import Progress
from verigap.storage.stages import KeptStages
from verigap.storage.trees import tree_from_bytes, tree_to_bytes
from verigap.storage.units import LengthUnit

VALUES: Mapping[str, Any] = {
    "numbers": [0, -1, 2**70, 0.1 + 0.2, float("inf"), -0.0, True, None, "\ud800 a"],
    "scalars": (np.float64(0.1), np.int32(3), np.bool_(True)),
    "named": Statistic(1.0, float("-inf"), np.float64(2.0)),
    "data": Progress(1, 2, doing="counting"),
    "unit": LengthUnit.WORDS,
    "keys": {(64, 16): {1: "a"}, "b": {}},
    "empty": np.zeros((0, 3), np.int8),
    "wide": np.asarray([[1, 2], [3, 4]], ">i4")[:, ::-1],
}


@pytest.mark.parametrize("name", VALUES)
def test_a_value_comes_back_with_its_types(name: str) -> None:
    value = VALUES[name]
    found = tree_from_bytes(tree_to_bytes(value))
    if isinstance(value, np.ndarray):
        np.testing.assert_array_equal(found, value, strict=True)
    else:
        assert (repr(found), type(found)) == (repr(value), type(value))


def test_nan_and_texts_in_arrays_come_back() -> None:
    value = {"a": np.asarray([np.nan, 1.0]), "b": np.asarray(["x", None], object)}
    found = tree_from_bytes(tree_to_bytes(value))
    assert found["a"].tobytes() == value["a"].tobytes()
    assert found["b"].tolist() == ["x", None]
    assert found["b"].dtype == object


class Foreign(NamedTuple):
    number: int


@pytest.mark.parametrize("value", [Foreign(1), Path("x"), {1, 2}, print])
def test_what_is_no_result_is_refused(value: object) -> None:
    with pytest.raises(TypeError, match="cannot be kept"):
        tree_to_bytes([value])


@pytest.mark.parametrize(
    "name", ["pathlib:Path", "verigap.storage.stages:KeptStages", "verigap.storage.files:os"]
)
def test_only_classes_of_results_are_made(name: str) -> None:
    tree = json.dumps({"class": name, "fields": {}}).encode()
    buffer = io.BytesIO()
    np.savez(buffer, tree=np.frombuffer(tree, np.uint8))
    with pytest.raises(ValueError, match=f"{name}: is no class"):
        tree_from_bytes(buffer.getvalue())


def test_results_are_found_under_their_inputs_alone(tmp_path: Path) -> None:
    kept = KeptStages(tmp_path / "stages", "one input")
    assert kept.read("fitting") == []
    kept.write("fitting", 1.5)
    assert kept.read("fitting") == [1.5]
    assert kept.read("scoring") == []
    assert KeptStages(tmp_path / "stages", "another input").read("fitting") == []


def test_a_damaged_result_is_missing(tmp_path: Path) -> None:
    kept = KeptStages(tmp_path, "input")
    kept.write("fitting", np.arange(100.0))
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    for damaged in (whole[:-1], b"", whole[:50] + b"?" + whole[51:]):
        path.write_bytes(damaged)
        assert kept.read("fitting") == []
    kept.write("fitting", np.arange(100.0))
    assert len(kept.read("fitting")) == 1
