"""What `verigap sample` refuses before any model is loaded, with or without the `llm` extra."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.cli.command import Command, InProcess, assert_refused
from tests.cli.test_bad_input import contents
from verigap.llm_validation.sampling.engine import EngineError, ModelSpec
from verigap.llm_validation.sampling.loading import load_engine
from verigap.llm_validation.tasks import ReasoningGymDataset, load_task

ASKED = ("sample", "--model", "m", "--task", "rg:products", "--max-tokens", 8, "--out", "t.parquet")


def test_command_lines(in_process: InProcess, verigap: Command, tmp_path: Path) -> None:
    for flags, says in (
        (("--engine", "steam"), "--engine: unknown 'steam'; use transformers or vllm"),
        (("--task", "gsm8k"), "--task: unknown 'gsm8k'; use rg:NAME"),
        (("--task", "rg:"), "--task: unknown 'rg:'; use rg:NAME"),
        (("--task", "jsonl:none.jsonl"), "none.jsonl: no such file"),
        (("--out", "t.csv"), "t.csv: traces are written as Parquet; end the name in .parquet"),
        (("--prompts", 0), "--prompts: expected at least 1, not 0"),
        (("--samples", 0), "--samples: expected at least 1, not 0"),
        (("--temperature", -1), "--temperature: expected 0 or more, not -1.0"),
        (("--first-correct", "luck"), "use first-mention or forced-answer"),
        (("--grid", "1;2"), "--grid: expected whole numbers and commas, not '1;2'"),
        (("--task-config", "[1]"), "--task-config: expected a JSON object"),
        (("--style", "rhymes"), "--style: unknown 'rhymes'; use one of plain"),
    ):
        assert_refused(in_process(*ASKED, *flags, cwd=tmp_path), says)
    assert_refused(verigap(*ASKED, "--samples", 0, cwd=tmp_path), "--samples: expected at least 1")
    assert contents(tmp_path) == []


@pytest.mark.parametrize("package", ["torch", "transformers", "gguf"])
def test_a_missing_engine_package_is_named(monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(EngineError, match=rf"needs .*{package}.*; install it with: pip install"):
        load_engine("transformers", ModelSpec("m"))


def test_a_missing_task_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "reasoning_gym", None)
    with pytest.raises(ValueError, match="needs reasoning-gym; install it with: pip install"):
        load_task(ReasoningGymDataset("products"), 1, 0)
