"""Both engines sample one real model, SmolLM2-135M, on the same problems from the same law."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from tests.cli.command import Command, assert_refused, succeeded
from tests.statistics import Estimate, assert_same_mean
from tests_llm.smollm2 import gguf_file

PROMPTS, SAMPLES, TOKENS = 4, 24, 24
ENVIRONMENT = {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
# The engine needs a minute to start, and shares two cores.
verigap = Command(ENVIRONMENT, timeout=900.0)


def sample(engine: str, out: Path) -> pl.DataFrame:
    done = succeeded(
        verigap(
            "sample", "--engine", engine, "--model", gguf_file(), "--task", "rg:products",
            "--task-config", '{"min_digits": 1, "max_digits": 1}', "--prompts", PROMPTS,
            "--samples", SAMPLES, "--batch-size", PROMPTS * SAMPLES, "--max-tokens", TOKENS,
            "--out", out, "--json",
        )
    )  # fmt: skip
    # Whatever an engine has to say, standard output is the report and nothing else.
    report = json.loads(done.stdout)
    assert (report["prompts"], report["samples"]) == (PROMPTS, PROMPTS * SAMPLES)
    return pl.read_parquet(out)


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pl.DataFrame]:
    folder = tmp_path_factory.mktemp("tables")
    return {name: sample(name, folder / f"{name}.parquet") for name in ("transformers", "vllm")}


def within_prompts(table: pl.DataFrame, value: pl.Expr) -> Estimate:
    """Mean over prompts, with the error of sampling alone: both engines have the same prompts."""
    rows = table.group_by("prompt_id").agg(mean=value.mean(), variance=value.var())
    error = float(rows["variance"].to_numpy().sum() / SAMPLES) ** 0.5 / PROMPTS
    return Estimate(float(rows["mean"].to_numpy().mean()), error)


@pytest.mark.parametrize("what", ["correct", "n_tokens", "logprob"])
def test_the_engines_agree(tables: dict[str, pl.DataFrame], what: str) -> None:
    first, second = (
        within_prompts(table, pl.col(what).cast(pl.Float64)) for table in tables.values()
    )
    assert first.error > 0
    # What bfloat16 rounds differently in the two moves a log-probability by about a hundredth.
    assert_same_mean(first, second, bias=0.01 * abs(second.mean), what=what)


def test_the_tables_say_which_engine_made_them(tables: dict[str, pl.DataFrame]) -> None:
    made = {name: json.loads(table["sampling"][0]) for name, table in tables.items()}
    assert {name: config["engine"] for name, config in made.items()} == {
        "transformers": "transformers", "vllm": "vllm",
    }  # fmt: skip
    ids = [set(table["prompt_id"]) for table in tables.values()]
    assert ids[0] == ids[1]
    # Seeds belong to an engine: the same seed draws other texts in another.
    texts = [table.sort("prompt_id", "sample_id")["text"].to_list() for table in tables.values()]
    assert texts[0] != texts[1]
    assert all(table["correct"].any() for table in tables.values())


def test_refusals(tmp_path: Path) -> None:
    asked = ("sample", "--engine", "vllm", "--task", "rg:products", "--prompts", 1, "--samples", 1)
    for flags, says in (
        (("--model", "nowhere/at/all", "--max-tokens", 8), "no such file or folder"),
        (("--model", gguf_file(), "--max-tokens", 10**6), "past the model's limit"),
    ):
        done = verigap(*asked, *flags, "--out", "t.parquet", cwd=tmp_path)
        if says.startswith("past"):
            # The engine itself has been started by then and may have warned; Python may warn of
            # what it left when all is over.
            assert done.returncode == 2, done.stderr
            assert [line for line in done.stderr.splitlines() if says in line], done.stderr
        else:
            assert_refused(done, says)
    assert not (tmp_path / "t.parquet").exists()
