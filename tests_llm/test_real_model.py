"""SmolLM2-135M, from its GGUF file to a table: slower than the rest, and the only real model."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from tests.cli.command import Command, succeeded
from tests_llm.smollm2 import gguf_file


def test_smollm2_multiplies_now_and_then(verigap: Command, tmp_path: Path) -> None:
    # The cache is the user's: unpacking takes long, and is tested by whoever comes first.
    done = succeeded(
        verigap(
            "sample", "--model", gguf_file(), "--task", "rg:products", "--task-config",
            '{"min_digits": 1, "max_digits": 1}', "--prompts", 4, "--samples", 8,
            "--max-tokens", 32, "--out", "t.parquet", cwd=tmp_path,
        )
    )  # fmt: skip
    assert "32 samples of 4 prompts" in done.stdout
    rows = pl.read_parquet(tmp_path / "t.parquet")
    assert set(rows["model"]) == {"SmolLM2-135M-Instruct.Q4_1"}
    # Products of two digits are within its reach.
    assert rows["correct"].sum() >= 4
    assert rows["n_tokens"].max() == 32
    assert (rows["logprob"] < 0).all()
    right = rows.filter("correct")
    assert (right["first_correct"] <= right["n_tokens"]).all()
    assert right["text"].str.contains(r"\d").all()
