"""`sample` and `finetune`, interrupted at random moments as in tests/cli."""

from __future__ import annotations

import json
import os
from pathlib import Path

import polars as pl
import pytest

from tests.cli.command import Command, stored_rows, succeeded
from tests.cli.interrupting import CONTINUES, Work, campaign

MOMENTS = int(os.environ.get("VERIGAP_INTERRUPTS", "50"))
FEW = 4
NAMES = ("sample", "finetune")


@pytest.fixture(scope="module")
def questions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Problems that a model which writes digits solves now and then."""
    file = tmp_path_factory.mktemp("tasks") / "q.jsonl"
    file.write_text("\n".join(json.dumps({"question": f"{i} is", "answer": 8}) for i in range(8)))
    return file


@pytest.fixture(scope="module")
def works(verigap: Command, tiny: Path, questions: Path) -> dict[str, Work]:
    task = ("--task", f"jsonl:{questions}")
    sample = (
        "sample", "--model", tiny, *task, "--style", "plain", "--max-tokens", 12,
        "--dtype", "float32", "--workers", 1, "--prompts", 8, "--samples", 64,
    )  # fmt: skip
    table = questions.with_name("base.parquet")
    succeeded(verigap(*sample, "--batch-size", 256, "--out", table))
    return {
        "sample": Work(
            verigap=verigap,
            arguments=lambda _: (*sample, "--batch-size", 4, "--out", "t.parquet"),
            result=lambda at: pl.read_parquet(at / "t.parquet").write_json(),
            line=CONTINUES,
        ),
        "finetune": Work(
            verigap=verigap,
            arguments=lambda _: (
                "finetune", table, "--model", tiny, *task, "--n", "8,64", "--repetitions", 2,
                "--samples", 32, "--epochs", 2, "--out", "run",
            ),
            result=numbers,
            line=CONTINUES,
        ),
    }  # fmt: skip


def numbers(folder: Path) -> str:
    """Every digit that a run of `finetune` has found; how long it took differs."""
    rows = stored_rows(folder / "run")
    return json.dumps([{name: row[name] for name in row if name != "seconds"} for row in rows])


@pytest.mark.parametrize("name", NAMES)
def test_a_few_interrupts(works: dict[str, Work], tmp_path: Path, name: str) -> None:
    assert campaign(works[name], tmp_path, FEW, seed=0)["completed"] >= 1


@pytest.mark.long
@pytest.mark.parametrize("name", NAMES)
def test_the_campaign(works: dict[str, Work], tmp_path: Path, name: str) -> None:
    print(name, dict(sorted(campaign(works[name], tmp_path, MOMENTS, seed=0).items())))
