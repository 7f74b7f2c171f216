"""`verigap sample` as a user meets it, with the tiny model."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

import polars as pl
import pytest

from tests.cli.command import Command, assert_refused, succeeded

FLAGS = ("--max-tokens", 12, "--dtype", "float32", "--workers", 1)


@pytest.fixture(scope="module")
def questions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Problems that a model which writes digits solves now and then."""
    file = tmp_path_factory.mktemp("tasks") / "digits.jsonl"
    file.write_text(
        "\n".join(json.dumps({"question": f"{i} is", "answer": i % 10}) for i in range(8))
    )
    return file


def arguments(tiny: Path, questions: Path, *more: object) -> tuple[object, ...]:
    return ("sample", "--model", tiny, "--task", f"jsonl:{questions}", *FLAGS, *more)


def test_interrupted_and_continued_it_writes_the_same_table(
    verigap: Command, tiny: Path, questions: Path, tmp_path: Path
) -> None:
    asked = arguments(tiny, questions, "--prompts", 8, "--samples", 16, "--batch-size", 2)
    whole = succeeded(verigap(*asked, "--out", "whole.parquet", "--json", cwd=tmp_path))
    report = json.loads(whole.stdout)
    assert whole.stderr == ""
    assert (report["samples"], report["prompts"], report["unverified"]) == (128, 8, 0)
    assert 0 < report["correct"] < 128
    cells = tmp_path / "broken.parquet.parts" / "cells"
    for kind, code in ((signal.SIGINT, 130), (signal.SIGKILL, -9)):
        started = len(list(cells.glob("*"))) if cells.is_dir() else 0
        process = verigap.start(*asked, "--out", "broken.parquet", cwd=tmp_path)
        while process.poll() is None and (
            not cells.is_dir() or len(list(cells.glob("*.parquet"))) < started + 3
        ):
            time.sleep(0.02)
        process.send_signal(kind)
        _, stderr = process.communicate(timeout=120)
        assert process.returncode == code, stderr
        assert not (tmp_path / "broken.parquet").exists()
        if kind == signal.SIGINT:
            assert stderr == ("verigap: interrupted; the same command continues where it stopped\n")
    other = verigap(*asked, "--out", "broken.parquet", "--seed", 1, cwd=tmp_path)
    assert_refused(other, "seed 0 (asked for: 1)")
    done = succeeded(verigap(*asked, "--out", "broken.parquet", cwd=tmp_path))
    assert "128 samples of 8 prompts" in done.stdout
    assert "samples from before" in done.stdout
    tables = [pl.read_parquet(tmp_path / name) for name in ("whole.parquet", "broken.parquet")]
    assert tables[0].equals(tables[1])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["broken.parquet", "whole.parquet"]
    again = verigap(*asked, "--out", "whole.parquet", "--temperature", 0.5, cwd=tmp_path)
    assert_refused(again, "whole.parquet: holds samples of another configuration: temperature 1.0")


def test_forced_answers_of_a_reasoning_gym_task(
    verigap: Command, tiny: Path, tmp_path: Path
) -> None:
    # The tiny model reads prompts of few tokens only, so the task's are short.
    config = '{"min_terms": 2, "max_terms": 2, "min_digits": 1, "max_digits": 1}'
    done = succeeded(
        verigap(
            "sample", "--model", tiny, "--task", "rg:chain_sum", "--task-config", config, *FLAGS,
            "--prompts", 2, "--samples", 8, "--style", "plain",
            "--first-correct", "forced-answer", "--grid", "3,6", "--out", "t.parquet", cwd=tmp_path,
        )
    )  # fmt: skip
    assert "by forced-answer" in done.stdout
    rows = pl.read_parquet(tmp_path / "t.parquet")
    assert rows.height == 16
    assert set(rows["dataset"]) == {"reasoning-gym/chain_sum"}
    assert json.loads(rows["sampling"][0])["grid"] == [3, 6]
    points = rows.filter(pl.col("first_correct") < pl.col("n_tokens") - 1)["first_correct"]
    assert set(points) <= {3, 6}
    laws = succeeded(
        verigap("laws", "t.parquet", "--horizon", "6,12", "--out", "l.parquet", cwd=tmp_path)
    )
    assert "laws of 2 prompts at H = 6, 12 tokens" in laws.stdout


def test_refusals(verigap: Command, tiny: Path, questions: Path, tmp_path: Path) -> None:
    out = ("--prompts", 2, "--samples", 2, "--out", "t.parquet")
    asked = arguments(tiny, questions, *out)
    for flags, says in (
        (("--engine", "steam"), "--engine: unknown 'steam'; use transformers or vllm"),
        (("--task", "rg:nothing"), "reasoning-gym has no dataset 'nothing'"),
        (("--task", "jsonl:none.jsonl"), "none.jsonl: no such file"),
        (("--model", "nowhere/at/all"), "nowhere/at/all: no such file or folder"),
        (("--model", "nobody/nothing"), "nobody/nothing: cannot be loaded as a model"),
        (("--out", "t.csv"), "end the name in .parquet"),
        (("--max-tokens", 10000), "past the model's limit"),
    ):
        assert_refused(verigap(*asked, *flags, cwd=tmp_path), says)
    assert not (tmp_path / "t.parquet").exists()
