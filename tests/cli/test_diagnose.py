"""`verigap diagnose` as a user meets it."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from tests.cli.command import Command, InProcess, assert_refused, succeeded
from tests.llm_validation.reporting.builders import rows

PROMPTS, SAMPLES = 24, 8
OPTIONS = ("--horizon", "32", "--n", "16,32", "--candidates", "8")


def agreed() -> pl.DataFrame:
    """Half of the samples are right and alike, the others wrong in their own way each."""
    rng = np.random.default_rng(0)
    right = rng.random((PROMPTS, SAMPLES)) < 0.5
    frame = rows(dataset="agreed", prompts=PROMPTS, samples=SAMPLES, n_tokens=32)
    return frame.with_columns(
        correct=pl.Series(right.ravel()),
        first_correct=pl.when(pl.Series(right.ravel())).then(10),
        answer=pl.when(pl.Series(right.ravel()))
        .then(pl.lit("r"))
        .otherwise(pl.format("w{}", "sample_id")),
    )


def table() -> pl.DataFrame:
    """A group on which voting suffices, and groups of the same shape that say little."""
    usual: dict[str, Any] = {"prompts": PROMPTS, "samples": SAMPLES, "n_tokens": 32}
    unsolved = rows(dataset="no successes", correct=False, **usual).drop("first_correct")
    unverified = rows(dataset="unverified", correct=None, **usual).drop("first_correct")
    groups = [
        agreed(),
        rows(dataset="no failures", correct=True, first_correct=5, **usual),
        unsolved,
        unverified.with_columns(pl.col("correct").cast(pl.Boolean)),
    ]
    return pl.concat(groups, how="diagonal_relaxed")


@pytest.fixture(scope="module")
def report(verigap: Command, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of one report on all groups, both verifiers."""
    folder = tmp_path_factory.mktemp("diagnose")
    table().write_parquet(folder / "traces.parquet")
    done = succeeded(verigap("diagnose", "traces.parquet", *OPTIONS, cwd=folder))
    out = folder / "runs" / "traces-diagnosis"
    assert done.stdout.endswith("runs/traces-diagnosis/report.html\n")
    assert "agreed · m at H = 32 tokens, n = 32, N = 8\n  exact verifier: Vote: " in done.stdout
    assert "unverified · m: left out" in done.stdout
    assert {path.name for path in out.iterdir()} == {"report.html", "report.json", "report.md"}
    return out


@pytest.fixture(scope="module")
def groups(report: Path) -> dict[str, Any]:
    content = json.loads((report / "report.json").read_text())
    assert content["left_out"] == [
        {"dataset": "unverified", "model": "m", "unverified": PROMPTS * SAMPLES}
    ]
    return {group["dataset"]: group for group in content["groups"]}


def test_voting_suffices_where_the_right_answers_agree(groups: dict[str, Any]) -> None:
    group = groups["agreed"]
    assert group["verdict"]["exact"] == "vote"
    assert group["probability"]["exact"] >= 0.9
    assert group["target"]["horizon"] == 32
    assert len(group["gap_measured"]) == len(group["gap_predicted"]) == 2


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("no failures", "every sample is correct"),
        ("no successes", "no sample is correct"),
    ],
)
def test_what_cannot_be_said_is_said(groups: dict[str, Any], name: str, says: str) -> None:
    group = groups[name]
    assert group["verdict"] == {"exact": "undecided", "learned": "undecided"}
    assert group["reason"] == {"exact": "too_few", "learned": "too_few"}
    assert any(warning.startswith(says) for warning in group["warnings"])
    failing = {row["name"] for row in group["assumptions"] if row["status"] == "fails"}
    assert "few_mixed_prompts" in failing
    assert group["verdicts"][0]["settling"]["text"]


def test_one_prompt_and_one_sample(verigap: Command, tmp_path: Path) -> None:
    frames = [
        rows(dataset="one prompt", prompts=2).filter(pl.col("prompt_id") == "prompt 1"),
        rows(dataset="one sample", prompts=12, samples=1),
    ]
    pl.concat(frames).write_parquet(tmp_path / "t.parquet")
    arguments = ("t.parquet", "--verifier", "learned", "--json", "--seed", "1", *OPTIONS)
    done = succeeded(verigap("diagnose", *arguments, "--out", "new/report", cwd=tmp_path))
    assert done.stderr == ""
    content = json.loads(done.stdout)
    assert content == json.loads((tmp_path / "new" / "report" / "report.json").read_text())
    assert content["seed"] == 1
    for group in content["groups"]:
        named = [group[key] for key in ("verdict", "reason", "verifier")]
        assert named == ["undecided", "too_few", "learned"]
        assert any(warning.startswith(group["dataset"]) for warning in group["warnings"])


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ("--verifier perfect", "--verifier: unknown 'perfect'; use exact or learned"),
        ("--horizon 8,x", "--horizon: expected whole numbers and commas"),
        ("--horizon 0", "--horizon: 0 is no budget"),
        ("--n 0", "--n: 0 is out of range"),
        ("--candidates 0", "candidates: 0 is out of range"),
        ("--kappa nan", "--kappa: nan"),
        ("--out mine", "mine: holds other things than a report; choose a new folder"),
        ("--out t.csv", "t.csv: is a file, not a folder"),
    ],
)
def test_bad_input(in_process: InProcess, tmp_path: Path, options: str, says: str) -> None:
    (tmp_path / "t.csv").write_text("prompt_id,correct,n_tokens\np,true,5\n")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "report.html").write_text("<p>mine</p>")
    assert_refused(in_process("diagnose", "t.csv", *options.split(), cwd=tmp_path), says)
    assert not (tmp_path / "runs").exists()
    assert (tmp_path / "mine" / "report.html").read_text() == "<p>mine</p>"


def test_nothing_verified(verigap: Command, tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text('{"prompt_id": "p", "correct": null, "n_tokens": 5}\n')
    assert_refused(verigap("diagnose", "t.jsonl", cwd=tmp_path), "no trace could be verified")
