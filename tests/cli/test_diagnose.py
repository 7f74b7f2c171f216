"""`verigap diagnose` as a user meets it."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from tests.cli.command import Command, InProcess, assert_refused, succeeded
from tests.llm_validation.reporting.builders import pools_of, rows
from verigap.llm_validation.deciding.methods import compare_methods
from verigap.llm_validation.deciding.outcomes import outcomes_at

PROMPTS, SAMPLES = 72, 8
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
    """The folder of one report on all groups."""
    folder = tmp_path_factory.mktemp("diagnose")
    table().write_parquet(folder / "traces.parquet")
    done = succeeded(verigap("diagnose", "traces.parquet", *OPTIONS, cwd=folder))
    out = folder / "runs" / "traces-diagnosis"
    assert done.stdout.endswith("runs/traces-diagnosis/report.html\n")
    assert (
        "agreed · m at H = 32 tokens, n = 32, leash KL 0.693 nats, N = 8; 72 prompts, 576 graded "
        "samples\n"
        "  select: Vote over 8 answers: "
    ) in done.stdout
    assert "\n  train: " in done.stdout
    assert "\n  check: An exact check of 8 samples adds " in done.stdout
    assert "\n  methods: No method without an exact check is shown to gain over " in done.stdout
    assert "unverified · m: left out" in done.stdout
    assert {path.name for path in out.iterdir()} == {"report.html", "report.json", "report.md"}
    return out


@pytest.fixture(scope="module")
def groups(report: Path) -> dict[str, Any]:
    content = json.loads((report / "report.json").read_text(), parse_constant=pytest.fail)
    assert content["left_out"] == [
        {"dataset": "unverified", "model": "m", "unverified": PROMPTS * SAMPLES}
    ]
    return {group["dataset"]: group for group in content["groups"]}


def test_voting_suffices_where_the_right_answers_agree(groups: dict[str, Any]) -> None:
    group = groups["agreed"]
    decision = group["select"]["decision"]["accuracy"]
    assert (decision["arm"], decision["reason"]) == ("vote", "suffices")
    assert decision["probability"] >= 0.9
    assert group["budget"] == {"horizon": 32, "source": "given"}
    theory = group["theory"]
    assert len(theory["gap_measured"]) == len(theory["gap_predicted"]) == 2


def test_methods_at_equal_budgets_stand_beside_the_decisions(
    report: Path, groups: dict[str, Any]
) -> None:
    """The rows are those of the library at what the decisions are about."""
    found = groups["agreed"]["methods"]
    table_ = compare_methods(
        outcomes_at(pools_of(agreed()), 32), num_candidates=8, labels=32, seed=0
    )
    assert {row["method"]: row["accuracy"]["estimate"] for row in found["rows"]} == pytest.approx(
        {row.method: row.accuracy.estimate for row in table_.rows}
    )
    assert (found["reference"], found["best"], found["labels"]) == ("vote", None, 32)
    assert found["length"] == 8 * 32
    rows_ = {row["method"]: row for row in found["rows"]}
    assert rows_["exact"]["exact_check"]
    assert rows_["until_right"]["further"]
    assert not rows_["vote"]["further"]
    assert rows_["until_right"]["gain_together"]["low"] is None
    said = (report / "report.md").read_text()
    assert f"- **Methods at test time**: {found['sentence']}" in said
    page = (report / "report.html").read_text()
    assert "Methods at test time, at equal tokens and labels" in page
    assert "No decision of this page rests on these rows." in page


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("no failures", "Every sample is correct"),
        ("no successes", "No sample is correct"),
    ],
)
def test_what_cannot_be_said_is_said(groups: dict[str, Any], name: str, says: str) -> None:
    group = groups[name]
    for table_, arm in ((group["select"], "single"), (group["train"], "base")):
        decision = table_["decision"]["accuracy"]
        assert (decision["arm"], decision["reason"]) == (arm, "no_room")
    assert any(warning.startswith(says) for warning in group["warnings"])
    failing = {row["name"] for row in group["assumptions"] if row["status"] == "fails"}
    assert "few_mixed_prompts" in failing


@pytest.mark.long
def test_one_prompt_and_one_sample(verigap: Command, tmp_path: Path) -> None:
    frames = [
        rows(dataset="one prompt", prompts=2).filter(pl.col("prompt_id") == "prompt 1"),
        rows(dataset="one sample", prompts=12, samples=1),
    ]
    pl.concat(frames).write_parquet(tmp_path / "t.parquet")
    arguments = ("t.parquet", "--verifier", "learned", "--json", "--seed", "1", *OPTIONS)
    done = succeeded(verigap("diagnose", *arguments, "--out", "new/report", cwd=tmp_path))
    assert done.stderr == ""
    content = json.loads(done.stdout, parse_constant=pytest.fail)
    assert content == json.loads((tmp_path / "new" / "report" / "report.json").read_text())
    assert (content["seed"], content["verifier"]) == (1, "learned")
    for group in content["groups"]:
        decision = group["select"]["decision"]["accuracy"]
        assert (decision["arm"], decision["reason"]) == ("undecided", "too_few")
        assert any(note.lower().startswith(group["dataset"]) for note in group["warnings"])


def test_the_smallest_table_with_prices(in_process: InProcess, tmp_path: Path) -> None:
    """prompt_id and correct alone; what a check costs is known, what tokens cost is not."""
    lines = [f"q{p},{str(s < p % 5).lower()}" for p in range(30) for s in range(4)]
    (tmp_path / "t.csv").write_text("prompt_id,correct\n" + "\n".join(lines) + "\n")
    options = ("--verifier", "exact", "--check-cost", "0.5", "--candidates", "4", "--out", "d")
    done = succeeded(in_process("diagnose", "t.csv", *options, cwd=tmp_path))
    assert done.stdout.startswith(
        "traces at whole samples, n = 16, leash KL 0.693 nats, N = 4; 30 prompts, 120 graded "
        "samples\n"
        "  select: Check 4 samples and return one that passes: 80 ["
    )
    assert "token" not in done.stdout
    content = json.loads((tmp_path / "d" / "report.json").read_text(), parse_constant=pytest.fail)
    (group,) = content["groups"]
    assert content["prices"] == {"check_cost": 0.5}
    costs = {row["arm"]: row["cost"] for row in group["select"]["arms"]}
    assert costs["exact"] == 2.0
    assert "vote" not in costs
    assert group["theory"] is None


def test_points_are_points(in_process: InProcess, tmp_path: Path) -> None:
    """--worth counts points of accuracy, of which a hundred are everything."""
    lines = [f"q{p},{str(s < p % 5).lower()}" for p in range(30) for s in range(4)]
    (tmp_path / "t.csv").write_text("prompt_id,correct\n" + "\n".join(lines) + "\n")
    chosen = {}
    for worth in ("2.5", "60"):
        options = ("--verifier", "exact", "--worth", worth, "--out", worth, "--json")
        done = succeeded(in_process("diagnose", "t.csv", *options, cwd=tmp_path))
        (group,) = json.loads(done.stdout)["groups"]
        decision = group["select"]["decision"]["accuracy"]
        assert decision["margin"] == pytest.approx(float(worth) / 100)
        chosen[worth] = decision["arm"]
    # The check adds 80 - 50 = 40 points.
    assert chosen == {"2.5": "exact", "60": "single"}


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ("--verifier perfect", "--verifier: unknown 'perfect'; use exact, learned, score"),
        (
            "--verifier score",
            "--verifier: there is no score, as the column verifier_score is missing",
        ),
        ("--currency yen", "--currency: unknown 'yen'; use accuracy or return"),
        ("--worth 0", "--worth: 0 is out of range; give points above 0 and below 100"),
        ("--worth 100", "--worth: 100 is out of range; give points above 0 and below 100"),
        ("--worth nan", "--worth: nan is out of range; give points above 0 and below 100"),
        ("--spend 0", "--spend: 0.0 buys nothing; give a number above 0"),
        ("--spend nan", "--spend: nan buys nothing"),
        ("--price-per-mtok -1", "--price-per-mtok: -1.0 is out of range; give a number from 0"),
        ("--price-in-per-mtok 1", "--price-in-per-mtok: cannot be used without --prompt-tokens"),
        ("--gpu-hour 2", "--gpu-hour: cannot be used without --tokens-per-second; give both"),
        ("--gpu-hour 2 --tokens-per-second 0", "--gpu-hour: cannot be used without"),
        ("--prompt-tokens 90", "--prompt-tokens: is of no use without --price-in-per-mtok; give"),
        ("--check-cost inf", "--check-cost: inf is out of range"),
        ("--label-cost -3", "--label-cost: -3.0 is out of range"),
        ("--prompt-tokens -4", "--prompt-tokens: -4.0 is out of range"),
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


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ("--currency return", "--currency: returns are not known, as the table has no lengths"),
        ("--currency return --horizon 32", "--currency: returns are not known"),
        ("--spend 500", "--spend: nothing is known of what a prompt takes, as the table has no"),
        ("--spend 1 --price-per-mtok 2", "--spend: nothing is known of what a prompt takes"),
    ],
)
def test_what_a_table_without_lengths_cannot_tell_is_refused(
    in_process: InProcess, tmp_path: Path, options: str, says: str
) -> None:
    lines = [f"q{p},{str(s < p % 5).lower()}" for p in range(30) for s in range(4)]
    (tmp_path / "t.csv").write_text("prompt_id,correct\n" + "\n".join(lines) + "\n")
    assert_refused(in_process("diagnose", "t.csv", *options.split(), cwd=tmp_path), says)
    assert not (tmp_path / "runs").exists()


def test_what_checks_cost_is_known_without_lengths(in_process: InProcess, tmp_path: Path) -> None:
    lines = [f"q{p},{str(s < p % 5).lower()}" for p in range(30) for s in range(4)]
    (tmp_path / "t.csv").write_text("prompt_id,correct\n" + "\n".join(lines) + "\n")
    options = ("--spend", "1", "--check-cost", "0.5", "--candidates", "4")
    done = succeeded(in_process("diagnose", "t.csv", *options, cwd=tmp_path))
    assert "for at most 1 a prompt: " in done.stdout
    assert "best of 2 by an exact check is right on " in done.stdout


@pytest.mark.long
def test_the_check_and_the_spending_are_as_asked(in_process: InProcess, tmp_path: Path) -> None:
    """In the currency asked for, and with no arm by a verifier that there is not."""
    knows = (pl.col("correct")).cast(float)
    rows().with_columns(verifier_score=knows).write_parquet(tmp_path / "t.parquet")
    options = ("--verifier", "learned", "--currency", "return", "--spend", "200", *OPTIONS)
    lines = succeeded(in_process("diagnose", "t.parquet", *options, cwd=tmp_path)).stdout
    (check,) = (line for line in lines.splitlines() if line.startswith("  check: "))
    (spent,) = (line for line in lines.splitlines() if line.startswith("  for at most 200 tokens"))
    assert " tokens of correct trace beyond " in check
    assert " is right on " in spent
    for line in (check, spent):
        assert "table's score" not in line
        assert "points" not in line
    assert "exact check" not in spent
    report = (tmp_path / "runs" / "t-diagnosis" / "report.md").read_text()
    assert check.removeprefix("  check: ") in report


def test_nothing_verified(verigap: Command, tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text('{"prompt_id": "p", "correct": null, "n_tokens": 5}\n')
    assert_refused(verigap("diagnose", "t.jsonl", cwd=tmp_path), "no trace could be verified")
