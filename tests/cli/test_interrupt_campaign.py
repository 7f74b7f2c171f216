"""Interrupted at any moment, a command ends as it should and the next one is none the worse.

`VERIGAP_INTERRUPTS` says how many interrupts each command gets in the campaign of `make test-long`;
the ordinary tests make do with a few.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from tests.cli.command import TIMEOUT, Command, stored_rows, succeeded
from tests.cli.fault_trials import CHAOS, Record, row
from tests.cli.interrupting import CONTINUES, PLAIN, Work, campaign

MOMENTS = int(os.environ.get("VERIGAP_INTERRUPTS", "50"))
FEW = {"import": 6}

EXAMPLES = Path(__file__).parents[2] / "examples"
# Three batches, each of another program.
CONFIG = """
seed: 7
replicates: 20
learners: [vf-mle]
sweeps:
  - name: two-level
    law: {family: two-level}
    expert: hardest
    log2_class_size: 20
    grid: {horizon: [16, 64], data_budget: [8, 32]}
  - name: hard-prompts
    game: hard-prompts
    horizon: 16
    c0: 0.5
    log2_class_size: 4
    grid: {data_budget: [80, 1600]}
"""
REPORT = ("report.html", "report.json", "report.md")


def sweep(verigap: Command, folder: Path) -> Work:
    config = folder / "config.yaml"
    config.write_text(CONFIG)
    return Work(
        verigap=verigap,
        arguments=lambda _: ("sweep", config, "--out", "run"),
        result=lambda at: json.dumps(stored_rows(at / "run")),
        line=CONTINUES,
    )


def import_(verigap: Command, folder: Path) -> Work:
    log = folder / "log.jsonl"
    write_log(log, prompts=300, samples=100)
    return Work(
        verigap=verigap,
        arguments=lambda _: ("import", log, "--out", "traces.parquet"),
        result=lambda at: (at / "traces.parquet").read_bytes(),
        line=PLAIN,
    )


def diagnose(verigap: Command, folder: Path, horizons: str = "32,64", n: str = "16,64") -> Work:
    table = folder / "traces.parquet"
    rows = pl.read_parquet(EXAMPLES / "smollm2_products.parquet")
    rows.filter(pl.col("sample_id") < 8).write_parquet(table)
    return Work(
        verigap=verigap,
        arguments=lambda _: (
            "diagnose", table, "--horizon", horizons, "--n", n, "--candidates", 4,
            "--out", "report",
        ),
        result=lambda at: {path.name: path.read_bytes() for path in (at / "report").iterdir()},
        line=CONTINUES,
    )  # fmt: skip


def write_log(path: Path, prompts: int, samples: int) -> None:
    """A log of so many samples, in the format of Large Language Monkeys."""
    with path.open("w") as file:
        for prompt in range(prompts):
            entry = {
                "question": f"question {prompt}",
                "gt_answer": str(prompt),
                "orig_dset_idx": prompt,
                "samples": [f"word {i} of it; the answer is {i % 7}" for i in range(samples)],
                "is_corrects": [(prompt + i) % 3 == 0 for i in range(samples)],
            }
            file.write(json.dumps(entry) + "\n")


WORKS: dict[str, Callable[[Command, Path], Work]] = {
    "sweep": sweep,
    "import": import_,
    "diagnose": diagnose,
}


@pytest.mark.parametrize("name", FEW)
def test_a_few_interrupts(verigap: Command, tmp_path: Path, name: str) -> None:
    seen = interrupted(verigap, tmp_path, name, FEW[name])
    assert seen["completed"] >= 1


@pytest.mark.long
@pytest.mark.parametrize("name", WORKS)
def test_the_campaign(verigap: Command, tmp_path: Path, name: str, record_property: Record) -> None:
    seen = interrupted(verigap, tmp_path, name, MOMENTS)
    record_property(CHAOS, row(f"interrupts of {name}", MOMENTS, MOMENTS, seen))


def interrupted(verigap: Command, folder: Path, name: str, moments: int) -> Counter[str]:
    (inputs := folder / "inputs").mkdir()
    return campaign(WORKS[name](verigap, inputs), folder, moments, seed=len(name))


def test_a_killed_import_leaves_nothing_that_the_next_one_does_not_clear(
    verigap: Command, tmp_path: Path
) -> None:
    log, out = tmp_path / "log.jsonl", tmp_path / "out"
    write_log(log, prompts=600, samples=100)
    out.mkdir()
    child = verigap.start("import", log, "--out", "t.parquet", cwd=out)
    wait_for(lambda: list(out.glob(".t.parquet.*.tmp/*")), child)
    # Another one to the same place leaves the draft of the first alone, and ends before it.
    child.send_signal(signal.SIGSTOP)
    succeeded(verigap("import", log, "--out", "t.parquet", cwd=out))
    whole = (out / "t.parquet").read_bytes()
    assert list(out.glob(".t.parquet.*.tmp/*")) != []
    child.kill()
    child.communicate()
    assert list(out.glob(".t.parquet.*.tmp/*")) != []
    succeeded(verigap("import", log, "--out", "t.parquet", cwd=out))
    assert [path.name for path in out.iterdir()] == ["t.parquet"]
    assert (out / "t.parquet").read_bytes() == whole


@pytest.mark.long
def test_an_interrupted_diagnosis_goes_on_after_its_last_stage(
    verigap: Command, tmp_path: Path
) -> None:
    (inputs := tmp_path / "inputs").mkdir()
    work = diagnose(verigap, inputs, "64", "16")
    (broken := tmp_path / "broken").mkdir()
    child = work.start(broken)
    stages = broken / "report" / ".stages"
    wait_for(lambda: len(list(stages.glob("*.npz"))) >= 3, child)
    child.send_signal(signal.SIGTERM)
    _, stderr = child.communicate(timeout=TIMEOUT)
    assert (child.returncode, stderr) == (143, CONTINUES)
    kept = {path.name: path.stat().st_mtime_ns for path in stages.glob("*.npz")}
    # One of them is damaged, and made anew.
    damaged = stages / min(kept)
    damaged.write_bytes(damaged.read_bytes()[:-1])
    again = work.start(broken)
    wait_for(lambda: len(list(stages.glob("*.npz"))) > len(kept), again)
    found = {path.name: path.stat().st_mtime_ns for path in stages.glob("*.npz")}
    unchanged = kept.keys() - {damaged.name}
    assert {name: found.get(name) for name in unchanged} == {n: kept[n] for n in unchanged}
    _, stderr = again.communicate(timeout=TIMEOUT)
    assert again.returncode == 0, stderr
    (fresh := tmp_path / "fresh").mkdir()
    assert work.result(broken) == work.finish(fresh)
    assert {path.name for path in (broken / "report").iterdir()} == set(REPORT)


def wait_for(true: Callable[[], object], child: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + TIMEOUT
    while not true():
        assert child.poll() is None, child.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.002)
