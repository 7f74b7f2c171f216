"""`verigap predict` as a user meets it."""

import json
import re
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from tests.cli.command import Command, InProcess, assert_refused, succeeded
from tests.cli.conftest import EXAMPLE
from tests.llm_validation.reporting.builders import measurement, prediction, rows
from verigap.cli.tables.predict import show_predictions
from verigap.llm_validation.intervals import Statistic
from verigap.llm_validation.predicting.crossover import Crossover


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
        assert group["predictor"] == "relabelling"
        cells = group["cells"]
        assert [(cell["horizon"], cell["data_budget"]) for cell in cells] == [(96, 16), (96, 32)]
        for cell in cells:
            assert cell["gap"]["low"] <= cell["gap"]["estimate"] <= cell["gap"]["high"]
            assert cell["suboptimality"]["vf-mle"]["estimate"] >= 0
            assert "VB-UPPER-ERRORS" in cell["bounds"]
            assert "VB-UPPER" not in cell["bounds"]
        assert set(group["crossover_data_budget"]) == {"96"}
        for crossover in (
            *group["crossover_data_budget"].values(),
            *group["crossover_horizon"].values(),
        ):
            assert set(crossover) == {"kind", "at"}
            assert (crossover["kind"] == "at") == (crossover["at"] is not None)


@pytest.mark.long
def test_traces(verigap: Command, tmp_path: Path) -> None:
    rows = pl.col("prompt_id").is_in([str(number) for number in range(900, 924)])
    small = pl.read_parquet(EXAMPLE).filter(
        rows & (pl.col("sample_id") < 20) & (pl.col("model") == "gpt-4-io")
    )
    small.write_parquet(tmp_path / "t.parquet")
    done = succeeded(
        verigap("predict", "t.parquet", "--horizon", "24,64", "--n", "16,64", cwd=tmp_path)
    )
    assert re.search(r"bounds at d = [\d.]+ \[[\d.]+, [\d.]+\] bits \(calibrated\)", done.stdout)
    for words in (
        "game24 gpt-4-io",
        "Predictor: parametric",
        "n*(24), traces from which cloning has caught up: ",
        "H*(64), tokens from which verifying pays: ",
    ):
        assert words in done.stdout
    assert "H = 64 is beyond the longest trace" in done.stdout


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ("LAWS", "reward laws do not say how large a class is"),
        ("LAWS --log2-class 1,2", "unable to parse string as a number"),
        ("LAWS --false-positive 0.1", "a check that errs is one of the relabelling game"),
        ("LAWS --estimate-errors", "give its class size in bits, or no error rates"),
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


def test_crossovers_are_words(capsys: pytest.CaptureFixture[str]) -> None:
    made = prediction(measurement(rows()))
    open_ends = Crossover(kind="at", at=Statistic(20.0, 0.0, 48.0))
    show_predictions([made, replace(made, crossover_data_budget={64: open_ends})])
    printed = capsys.readouterr().out
    for words in (
        "n*(32), traces from which cloning has caught up: everywhere from 16 to 64",
        "n*(64), traces from which cloning has caught up: 20 traces [19, 21]",
        "H*(16), tokens from which verifying pays: nowhere from 32 to 64",
        "H*(64), tokens from which verifying pays: unknown: the samples do not tell",
        "20 traces [below 16, 48]",
    ):
        assert words in printed
