"""`verigap fit` as a user meets it."""

import json
from pathlib import Path

import polars as pl
import pytest

from tests.cli.command import Command, InProcess, assert_refused, succeeded
from tests.cli.conftest import EXAMPLE


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("fit") / "small.parquet"
    frame = pl.read_parquet(EXAMPLE).filter(pl.col("sample_id") < 12)
    frame.write_parquet(path)
    return path


def test_json(in_process: InProcess, small: Path) -> None:
    done = succeeded(
        in_process("fit", small, "--horizon", "128,64", "--c0", "0.2", "--per-prompt", "--json")
    )
    content = json.loads(done.stdout)
    assert (content["unit"], content["c0"]) == ("tokens", 0.2)
    assert [group["model"] for group in content["groups"]] == ["gpt-4-cot", "gpt-4-io"]
    for group in content["groups"]:
        assert (group["prompts"], group["samples"], group["unverified"]) == (100, 1200, 0)
        assert set(group["mean_correct"]) == {"estimate", "low", "high"}
        assert [str(k) for k in range(1, 13)] == list(group["pass_at_k"])[:12]
        assert group["pass_at_k"]["120"]["extrapolated"] is True
        assert group["pass_at_k"]["12"]["extrapolated"] is False
        assert [budget["horizon"] for budget in group["horizons"]] == [64, 128]
        assert group["horizons_chosen"] is None
        assert len(group["per_prompt"]) == 100
        for budget in group["horizons"]:
            for name in ("mean_return", "sigma_over_h"):
                value = budget[name]
                assert value["low"] <= value["estimate"] <= value["high"]
            for row in budget["anticoncentration"]:
                assert row["low"] <= row["c"] <= row["high"]
                assert row["epsilon"] > 0
            assert [row["name"] for row in budget["families"]] == [
                "beta-geometric",
                "mixture",
                "empirical",
            ]


def test_budgets_are_chosen_and_said(in_process: InProcess, small: Path) -> None:
    done = succeeded(in_process("fit", small, "--first-samples", "2"))
    lines = " ".join(done.stdout.split())
    assert "budgets of game24 gpt-4-io, as --horizon was not given: H = 24," in lines
    assert "and the longest trace" in lines
    done = succeeded(in_process("fit", small, "--first-samples", "2", "--json"))
    for group in json.loads(done.stdout)["groups"]:
        assert "the median" in group["horizons_chosen"]
        assert len(group["horizons"]) > 1


def test_tables(verigap: Command, small: Path) -> None:
    done = succeeded(verigap("fit", small, "--horizon", "64", "--first-samples", "5"))
    assert done.stderr == ""
    for words in ("game24 gpt-4-io", "tokens", "pass@k", "50 (beyond)", "c*(kappa)", "5 samples"):
        assert words in done.stdout


@pytest.mark.parametrize(
    ("text", "options", "says"),
    [
        ("p,true,5\n", "--horizon 0", "--horizon: 0 is no budget"),
        ("p,true,5\n", "--horizon 64,abc", "--horizon: expected whole numbers and commas"),
        ("p,true,5\n", "--horizon 8 --c0 nan", "c0: nan"),
        (
            "p,true,NaN\n",
            "--horizon 8",
            "t.csv, line 2: n_tokens is nan, not a finite number; leave",
        ),
        ("p,true,inf\n", "--horizon 8", "t.csv, line 2: n_tokens is inf, not a finite number"),
        ("p,true,-1\n", "--horizon 8", "t.csv, line 2: n_tokens is '-1'; a length or number"),
        ("p,true,2.5\n", "--horizon 8", "t.csv, line 2: n_tokens is '2.5', not a whole number"),
        ("p,maybe,5\n", "--horizon 8", "t.csv, line 2: correct is 'maybe', neither true"),
        ("p,0.5,5\n", "--horizon 8", "t.csv, line 2: correct is 0.5, neither right (1) nor"),
    ],
)
def test_bad_input(
    in_process: InProcess, tmp_path: Path, text: str, options: str, says: str
) -> None:
    (tmp_path / "t.csv").write_text("prompt_id,correct,n_tokens\n" + text)
    assert_refused(in_process("fit", "t.csv", *options.split(), cwd=tmp_path), says)


def test_nothing_verified(in_process: InProcess, tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text('{"prompt_id": "p", "correct": null, "n_tokens": 5}\n')
    done = in_process("fit", "t.jsonl", "--horizon", "8", cwd=tmp_path)
    assert_refused(done, "no trace could be verified")


def test_one_sample_in_all(in_process: InProcess, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("prompt_id,correct,n_tokens\np,true,5\n")
    done = succeeded(in_process("fit", "t.csv", "--horizon", "8", "--json", cwd=tmp_path))
    group = json.loads(done.stdout)["groups"][0]
    assert group["mean_correct"] == {"estimate": 1.0, "low": None, "high": None}
    assert group["warnings"]
