"""Options of `verigap sample` that are about Ray, and what is said where they cannot be meant."""

from __future__ import annotations

import importlib.util
from functools import partial
from pathlib import Path

import pytest

from tests.cli.command import assert_refused, run_here
from verigap.llm_validation.sampling import ModelSpec, RayEngines, load_engine

SAMPLE = ("sample", "--model", "none.gguf", "--task", "jsonl:digits.jsonl", "--max-tokens", 8,
          "--prompts", 1, "--out", "t.parquet")  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "digits.jsonl").write_text('{"question": "1 + 1", "answer": 2}')
    return tmp_path


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--on", "cluster"), "--on: unknown 'cluster'; use local or ray"),
        (("--address", "auto"), "--address: of use where --on is ray; drop it, or add that"),
        (("--engines", 2), "--engines: of use where --on is ray"),
        (("--on", "ray", "--engines", 0), "--engines: expected at least 1, not 0"),
        (("--on", "ray", "--cpus-per-engine", 0), "--cpus-per-engine: expected at least 1, not 0"),
        (("--on", "ray", "--gpus-per-engine", -1), "--gpus-per-engine: expected 0 to 1 or a whole"),
        (("--on", "ray", "--gpus-per-engine", 1.5), "--gpus-per-engine: expected 0 to 1 or a"),
        (("--on", "ray", "--gpus-per-engine", "nan"), "--gpus-per-engine: expected 0 to 1 or a"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    folder: Path, options: tuple[object, ...], says: str
) -> None:
    assert_refused(run_here(*SAMPLE, *options, cwd=folder), says)


def test_without_ray_the_way_to_install_it_is_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: (name != "ray" and find(name)) or None
    )
    done = run_here(*SAMPLE, "--on", "ray", cwd=folder)
    assert_refused(done, "ray: needs the package ray; install it with: pip install")
    assert not (folder / "t.parquet").exists()


@pytest.mark.parametrize("gpus", [0, 0.25, 1, 2.0, 8])
def test_gpus_as_ray_has_them(gpus: float) -> None:
    load = partial(load_engine, "vllm", ModelSpec("none"))
    assert RayEngines(load=load, gpus_per_engine=gpus).gpus_per_engine == gpus
