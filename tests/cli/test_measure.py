"""`verigap measure` as a user meets it."""

import json
from pathlib import Path

import polars as pl
import pytest

from tests.cli.command import Command, InProcess, assert_refused, succeeded
from tests.cli.conftest import EXAMPLE

RUN = Path(__file__).parents[2] / "docs" / "runs" / "planted-small"
STATISTIC = {"estimate", "low", "high"}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("measure") / "small.parquet"
    kept = (pl.col("sample_id") < 12) & (pl.col("prompt_id") < "920")
    pl.read_parquet(EXAMPLE).filter(kept).write_parquet(path)
    return path


def test_json_and_table(verigap: Command, small: Path) -> None:
    options = ("--n", "8,32", "--candidates", "4", "--seeds", "4", "--seed", "3")
    done = succeeded(
        verigap("measure", small, "--horizon", "200,80", *options, "--kappa", "0.5", "--json")
    )
    assert done.stderr == ""
    content = json.loads(done.stdout)
    assert [group["model"] for group in content["groups"]] == ["gpt-4-cot", "gpt-4-io"]
    for group in content["groups"]:
        assert (group["prompts"], group["samples"], group["repetitions"]) == (20, 240, 4)
        assert (group["num_candidates"], group["chi2_radius"]) == (4, 0.5)
        cells = [(cell["horizon"], cell["data_budget"]) for cell in group["cells"]]
        assert cells == [(80, 8), (80, 32), (200, 8), (200, 32)]
        for cell in group["cells"]:
            assert set(cell["gap"]) == set(cell["values"]["vote"]) == STATISTIC
            assert cell["gap"]["low"] <= cell["gap"]["estimate"] <= cell["gap"]["high"]
            assert "score" not in cell["values"]
    assert content["groups"][1]["cells"][-1]["extrapolated"] is True
    shown = succeeded(
        verigap("measure", small, "--horizon", "200,80", *options, "--kappa", "0.5")
    ).stdout
    for words in ("game24 gpt-4-io", "tokens", "same leash", "200 (beyond)", "answer agreement"):
        assert words in shown


def test_trained_networks(in_process: InProcess) -> None:
    content = json.loads(succeeded(in_process("measure", "--finetuned", RUN, "--json")).stdout)
    assert {group["learned_by"] for group in content["groups"]} == {"training"}
    cells = [cell for group in content["groups"] for cell in group["cells"]]
    assert len(cells) == 13
    assert all(set(cell["gap"]) == STATISTIC for cell in cells)
    assert "planted low (data)" in succeeded(in_process("measure", "--finetuned", RUN)).stdout


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ("", "give a trace table or --finetuned RUN"),
        ("t.csv --finetuned run", "give a trace table or --finetuned RUN"),
        ("t.csv --horizon 8,x", "--horizon: expected whole numbers and commas"),
        ("t.csv --n 0", "--n: 0 is out of range"),
        ("t.csv --kappa nan", "--kappa: nan"),
        ("t.csv --seeds 1", "seeds: 1 is out of range"),
        ("nowhere.parquet", "nowhere.parquet: no such file"),
    ],
)
def test_bad_input(in_process: InProcess, tmp_path: Path, options: str, says: str) -> None:
    (tmp_path / "t.csv").write_text("prompt_id,correct,n_tokens\np,true,5\n")
    assert_refused(in_process("measure", *options.split(), cwd=tmp_path), says)


def test_one_sample_in_all(in_process: InProcess, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("prompt_id,correct,n_tokens\np,true,5\n")
    done = succeeded(in_process("measure", "t.csv", "--json", cwd=tmp_path))
    (group,) = json.loads(done.stdout)["groups"]
    for cell in group["cells"]:
        assert cell["gap"] == {"estimate": None, "low": None, "high": None}
        assert cell["values"]["base"]["low"] is None
    assert any("one prompt" in warning for warning in group["warnings"])
    assert any("one sample" in warning for warning in group["warnings"])
