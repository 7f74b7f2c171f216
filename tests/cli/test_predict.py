"""`verigap predict` as a user meets it."""

import json
import re
from pathlib import Path

import polars as pl
import pytest

from tests.cli.command import Command, InProcess, assert_refused, succeeded
from tests.cli.conftest import EXAMPLE


def strict(text: str) -> dict:
    def refuse(name: str) -> None:
        raise AssertionError(name)

    return json.loads(text, parse_constant=refuse)


def test_a_law_table(verigap: Command, law_table: Path) -> None:
    options = "--log2-class 10 --n 32,16 --horizon 96 --false-positive 0.01 --json"
    done = succeeded(verigap("predict", law_table, *options.split()))
    assert done.stderr == ""
    found = strict(done.stdout)
    assert [group["model"] for group in found["groups"]] == ["gpt-4-cot", "gpt-4-io"]
    for group in found["groups"]:
        assert group["class_size_source"] == "given"
        assert group["log2_class_size"] == {"estimate": 10.0, "low": None, "high": None}
        assert group["chosen_probability"] is None
        assert (group["chosen"], list(group["predictors"])) == ("relabelling", ["relabelling"])
        cells = group["predictors"]["relabelling"]
        assert [(cell["horizon"], cell["data_budget"]) for cell in cells] == [(96, 16), (96, 32)]
        for cell in cells:
            assert cell["gap"]["low"] <= cell["gap"]["estimate"] <= cell["gap"]["high"]
            assert cell["suboptimality"]["vf-mle"]["estimate"] >= 0
            assert "VB-UPPER-ERRORS" in cell["bounds"]
            assert "VB-UPPER" not in cell["bounds"]


def test_traces(verigap: Command, tmp_path: Path) -> None:
    rows = pl.col("prompt_id").is_in([str(number) for number in range(900, 924)])
    small = pl.read_parquet(EXAMPLE).filter(
        rows & (pl.col("sample_id") < 20) & (pl.col("model") == "gpt-4-io")
    )
    small.write_parquet(tmp_path / "t.parquet")
    done = succeeded(
        verigap("predict", "t.parquet", "--horizon", "24,64", "--n", "16,64", cwd=tmp_path)
    )
    assert re.search(r"d = [\d.]+ \[[\d.]+, [\d.]+\] bits \(calibrated\)", done.stdout)
    assert re.search(r"parametric fits better in \d[\d.]* % of the resampled slices", done.stdout)
    for words in ("game24 gpt-4-io", "Predictor: parametric", "n*(24)", "H*(64)"):
        assert words in done.stdout
    assert "H = 64 is beyond the longest trace" in done.stdout


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ("LAWS", "reward laws do not say how large a class is"),
        ("LAWS --log2-class 1,2", "give one number, or 'calibrated'"),
        ("LAWS --log2-class 9 --false-negative 2", "false-negative: 2.0 is out of range"),
        ("LAWS --log2-class 9 --n 4,4", "--n: give distinct numbers"),
        ("LAWS --log2-class 9 --horizon 7", "no laws at horizon 7"),
        ("nowhere.parquet", "nowhere.parquet: no such file"),
    ],
)
def test_refused(
    in_process: InProcess, law_table: Path, tmp_path: Path, options: str, says: str
) -> None:
    words = [str(law_table) if word == "LAWS" else word for word in options.split()]
    assert_refused(in_process("predict", *words, cwd=tmp_path), says)
