"""The three ways to a group's laws agree, and what cannot be used is said in one line."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from verigap.llm_validation.laws import reward_laws
from verigap.llm_validation.predicting.group_laws import (
    laws_of_fit,
    laws_of_table,
    laws_of_traces,
    padded_law,
    read_laws,
)
from verigap.llm_validation.traces import Traces
from verigap.sim.sweeps.law_table import write_law_table
from verigap.storage.tables import TableError


@pytest.fixture(scope="module")
def traces() -> Traces:
    rows = [
        {
            "prompt_id": f"p{prompt}",
            "sample_id": sample,
            "correct": sample < prompt,
            "first_correct": 5 + prompt if sample < prompt else None,
            "n_tokens": 20 + sample,
        }
        for prompt in range(4)
        for sample in range(5)
    ]
    return Traces(pl.DataFrame(rows))


def test_from_traces(traces: Traces) -> None:
    (group,) = laws_of_traces(traces, [8, 64])
    assert (group.prompts, group.samples, group.longest) == (4, 5, 24)
    assert [group.extrapolated(horizon) for horizon in group.laws] == [False, True]
    for horizon, law in group.laws.items():
        for prompt in range(4):
            paid = max(horizon - (5 + prompt) + 1, 0)
            assert float(law.mean[prompt]) == pytest.approx(prompt / 5 * paid)
        support = np.asarray(law.atoms)
        assert (support[:, 0] == 0).all()
        assert (support[:, -1] == horizon).all()


def test_a_law_table_says_the_same(traces: Traces, tmp_path: Path) -> None:
    table = reward_laws(traces, [8, 64]).table
    write_law_table(table, tmp_path / "laws.parquet")
    read = read_laws(tmp_path / "laws.parquet", [64])
    assert read is not None
    (group,), (direct,) = read, laws_of_traces(traces, [64])
    assert list(group.laws) == [64]
    assert group.longest is None
    np.testing.assert_array_equal(group.laws[64].support, direct.laws[64].support)
    np.testing.assert_array_equal(group.laws[64].probabilities, direct.laws[64].probabilities)
    with pytest.raises(TableError, match="no laws at horizon 9; there are laws at 8, 64 tokens"):
        read_laws(tmp_path / "laws.parquet", [9])
    missing = table.frame.filter((pl.col("prompt_id") != "p1") | (pl.col("horizon") == 8))
    with pytest.raises(TableError, match="3 of 4 prompts have a law at horizon 64"):
        laws_of_table(type(table)(missing))


def test_a_fit_keeps_mean_and_sd(traces: Traces) -> None:
    (direct,) = laws_of_traces(traces, [64])
    law = direct.laws[64]
    prompts = [
        {
            "prompt_id": name,
            "samples": 5,
            "horizons": [
                {
                    "horizon": 64,
                    "mean_return": float(law.mean[index]),
                    "sigma_over_h_naive": float(law.sd[index]) / 64,
                }
            ],
        }
        for index, name in enumerate(direct.prompt_ids)
    ]
    content = {"groups": [{"dataset": "", "model": "", "unit": "tokens", "per_prompt": prompts}]}
    (group,) = laws_of_fit(content, "fit.json")
    np.testing.assert_allclose(group.laws[64].mean, law.mean, atol=1e-9)
    np.testing.assert_allclose(group.laws[64].sd, law.sd, atol=1e-9)
    assert "two points" in group.warnings[0]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("[1", "is not JSON"),
        ("[]", "is no fit"),
        ('{"groups": []}', "holds no group"),
        ('{"groups": [{"dataset": ""}]}', "has no entries for each prompt"),
        ('{"groups": [{"per_prompt": [{"horizons": [{"horizon": 8}]}]}]}', "is no fit"),
    ],
)
def test_no_fit(tmp_path: Path, content: str, says: str) -> None:
    path = tmp_path / "fit.json"
    path.write_text(content)
    with pytest.raises(TableError, match=says):
        read_laws(path)


def test_other_files_are_left_to_others(tmp_path: Path, traces: Traces) -> None:
    traces.frame.write_parquet(tmp_path / "traces.parquet")
    assert read_laws(tmp_path / "traces.parquet") is None
    assert read_laws(tmp_path / "missing.parquet") is None
    assert read_laws(tmp_path / "traces.csv") is None
    with pytest.raises(TableError, match="no such file"):
        read_laws(tmp_path / "missing.json")


def test_a_padded_law_is_a_law() -> None:
    law = padded_law([[0.0, 3.0], [2.0], [0.0]], [[0.5, 0.5], [1.0], [1.0]], 8)
    np.testing.assert_allclose(law.mean, [1.5, 2.0, 0.0])
    assert np.all(np.diff(np.asarray(law.atoms, float), axis=1) >= 0)
    assert json.loads(json.dumps(law.probabilities.shape)) == [3, 32]
