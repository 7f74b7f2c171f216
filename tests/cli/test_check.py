"""From traces to verdicts: `verigap laws`, `sweep` and `check`."""

import json
import shutil
from pathlib import Path

import polars as pl
import pytest
import yaml

from tests.cli.command import Command, Finished, InProcess, stored_rows, succeeded
from tests.cli.conftest import EXAMPLE
from verigap.cli.tables.check import family_of
from verigap.sim.sweeps.law_table import read_law_table
from verigap.theory import BOUNDS

CONTROLS = Path(__file__).parents[2] / "configs" / "controls.yaml"


def test_laws_of_the_example(verigap: Command, tmp_path: Path) -> None:
    out = tmp_path / "made" / "laws.parquet"
    done = succeeded(verigap("laws", EXAMPLE, "--horizon", "64,96", "--out", out, "--json"))
    assert done.stderr == ""
    told = json.loads(done.stdout)
    assert told["out"] == str(out)
    assert told["horizons"] == [64, 96]
    assert (told["prompts"], told["samples"]) == (200, 20_000)
    assert [path.name for path in out.parent.iterdir()] == ["laws.parquet"]
    table = read_law_table(out)
    assert table.horizons == (64, 96)
    traces = pl.read_parquet(EXAMPLE)
    for model in ("gpt-4-cot", "gpt-4-io"):
        for horizon in table.horizons:
            laws = table.select(horizon, model=model)
            mean = (laws.probabilities @ laws.support).mean()
            # Each prompt has 100 samples, so the mean over prompts is that over samples.
            left = horizon - pl.col("first_correct") + 1
            paid = traces.filter(model=model).select(left.clip(0).fill_null(0).mean()).item()
            assert mean == pytest.approx(paid, rel=1e-12)
            assert mean > 0


def test_laws_tells_people(verigap: Command, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("prompt_id,correct,n_tokens\na,true,3\na,,3\nb,,5\na,false,9\n")
    done = succeeded(verigap("laws", "t.csv", "--horizon", "8", "--out", "l.pq", cwd=tmp_path))
    assert "l.pq: laws of 1 prompts at H = 8 tokens, from 2 verified samples" in done.stdout
    assert "2 samples could not be verified; 1 prompts" in done.stdout
    assert "1 correct samples are only known to be correct at their end" in done.stdout


def test_measured_and_synthetic_laws_are_swept(mixed_run: Path) -> None:
    rows = stored_rows(mixed_run)
    assert [(row["block"], row["horizon"], row["data_budget"]) for row in rows].count(
        ("game24", 64, 64)
    ) == 1
    assert sorted(row["block"] for row in rows) == ["game24"] * 2 + ["two-level"] * 4
    for row in rows:
        assert {learner["learner"] for learner in row["learners"]} == {"vf-mle", "vb-plug-in"}
    assert {len(row["atoms"]) for row in rows if row["block"] == "game24"} == {100}


@pytest.fixture(scope="module")
def checked(verigap: Command, mixed_run: Path) -> Finished:
    return succeeded(verigap("check", mixed_run, "--all"))


def test_verdict_table(checked: Finished) -> None:
    assert checked.stderr == ""
    lines = checked.stdout.splitlines()
    assert lines[0].startswith("Bounds against 6 simulated cells")
    verdicts = {line.split()[0]: line for line in lines if line.split()[:1]}
    for name in BOUNDS:
        assert " holds " in verdicts[name] or " not applicable " in verdicts[name], name
        assert "VIOLATED" not in verdicts[name]
    # One bound on cloning and one on verification, in every cell.
    for name in ("VF-LOWER", "VB-UPPER-PLUG-IN"):
        assert verdicts[name].split()[1:4] == ["holds", "6", "0"]
    assert lines[-1] == "every bound holds"


def test_a_line_a_family_says_the_same(
    in_process: InProcess, mixed_run: Path, checked: Finished
) -> None:
    done = succeeded(in_process("check", mixed_run))
    lines = done.stdout.splitlines()
    assert "6 simulated cells, a family a line" in lines[0]
    assert lines[-1] == "every bound holds"
    every = {line.split()[0]: line.split() for line in checked.stdout.splitlines() if line.split()}
    families = {family_of(name, list(BOUNDS)) for name in BOUNDS}
    assert families == {"VF-UPPER", "VF-LOWER", "VB-UPPER", "VB-LOWER", "SEPARATION"}
    for family in families:
        (line,) = (line for line in lines if line.split()[:1] == [family])
        names = [name for name in BOUNDS if family_of(name, list(BOUNDS)) == family]
        tried = [name for name in names if every[name][1] == "holds"]
        assert f" {len(tried)} of {len(names)} " in line
        if not tried:
            assert "not applicable" in line
            continue
        *_, cells, violated, vacuous, tightest, ratio, caught = line.split()
        # Vacuous in a cell is a family of which every bound is.
        assert int(vacuous) <= min(int(every[name][4]) for name in tried)
        assert (int(cells), violated) == (max(int(every[name][2]) for name in tried), "0")
        # The number beside the tightest bound is its own, as the long table has it.
        if tightest != "-":
            own = every[family if tightest == "itself" else tightest]
            assert (ratio, caught) == (own[5], own[7])


def test_check_as_json(verigap: Command, mixed_run: Path, checked: Finished) -> None:
    done = succeeded(verigap("check", mixed_run, "--json"))
    assert done.stderr == ""
    found = json.loads(done.stdout)
    assert found["ok"] is True
    assert found["cells"] == 6
    assert [entry["name"] for entry in found["bounds"]] == list(BOUNDS)
    for entry in found["bounds"]:
        assert entry["violations"] == 0
        assert 0 <= entry["cells"] <= 6
        for key in ("median_ratio", "worst_ratio"):
            assert entry[key] is None or isinstance(entry[key], float)
        # People and machines are told the same.
        (line,) = (row for row in checked.stdout.splitlines() if row.split()[:1] == [entry["name"]])
        shown = "-" if entry["worst_ratio"] is None else f"{entry['worst_ratio']:.4g}"
        factor = entry["smallest_detectable"]
        caught = "none" if factor is None else f"{factor:.4g}"
        assert line.split()[-2:] == [shown, caught if entry["cells"] else "-"]


def test_laws_measured_anew_are_not_checked_with_the_old(
    verigap: Command, mixed_config: Path, mixed_run: Path, tmp_path: Path
) -> None:
    run = shutil.copytree(mixed_run, tmp_path / "run")
    config = shutil.copy(mixed_config, tmp_path)
    pl.read_parquet(EXAMPLE).filter(pl.col("sample_id") > 0).write_parquet(tmp_path / "t.parquet")
    laws = verigap("laws", "t.parquet", "--horizon", "64,96", "--out", "laws.parquet", cwd=tmp_path)
    succeeded(laws)
    swept = verigap("sweep", config, "--out", run, "--json")
    # A sweep over other laws may be refused, or done, but then the verdicts are about its cells.
    if swept.returncode != 2:
        counts = json.loads(succeeded(swept).stdout)
        assert (counts["cells"], counts["resumed"]) == (6, 4)
        done = succeeded(verigap("check", run, "--json"))
        assert json.loads(done.stdout)["cells"] == 6


@pytest.mark.long
def test_controls_are_caught(verigap: Command, tmp_path: Path) -> None:
    config = yaml.safe_load(CONTROLS.read_text())
    names = config["bounds"]
    assert len(names) == 4
    # The cells are the committed ones; fewer replicates, and only learners that the controls speak
    # of (in-process tests play them all).
    config |= {"replicates": 500, "learners": ["vf-bayes", "vf-mle", "vb-pessimism"]}
    (tmp_path / "controls.yaml").write_text(yaml.safe_dump(config))
    succeeded(verigap("sweep", "controls.yaml", "--out", "run", cwd=tmp_path))
    short = verigap("check", "run", cwd=tmp_path)
    assert short.returncode == 1
    caught = [line.split()[0] for line in short.stdout.splitlines() if " VIOLATED " in line]
    assert sorted(caught) == sorted(names)
    done = verigap("check", "run", "--all", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    caught = [line.split()[0] for line in lines if line.split()[1:2] == ["VIOLATED"]]
    assert sorted(caught) == sorted(names)
    assert any(line.startswith("violated: CONTROL-") for line in lines)
    assert lines[-1] == "a bound is violated"
    done = verigap("check", "run", "--json", cwd=tmp_path)
    assert done.returncode == 1
    found = json.loads(done.stdout)
    assert found["ok"] is False
    assert all(entry["violations"] > 0 for entry in found["bounds"])
    assert {test["bound"] for test in found["violations"]} == set(names)
