"""Engines by name, and what is said where one cannot be used."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

import verigap as vg
from tests.cli.command import assert_refused, run_here
from tests.llm_validation.importing import FIXTURES

CONFIG = Path(__file__).parents[2] / "configs" / "quickstart-tiny.yaml"
LOG = FIXTURES / "monkeys.jsonl"
# What runs on an engine, and what it writes.
COMMANDS = {"sweep": (CONFIG, "run"), "import": (LOG, "traces.parquet")}
# Imports the engine and names it; then which of the packages that it can do without are loaded.
LIGHT = """
import sys
from verigap.engines.choice import chosen_engine
chosen_engine("ray", "auto")
print([name for name in ("jax", "ray") if name in sys.modules])
"""


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--engine", "cluster"), "--engine: unknown engine 'cluster'; use local or ray"),
        (("--address", "auto"), "--address: auto is that of a Ray cluster; --engine has to be ray"),
    ],
)
@pytest.mark.parametrize("command", COMMANDS)
def test_what_cannot_be_meant_is_refused(
    tmp_path: Path, command: str, options: tuple[str, ...], says: str
) -> None:
    source, name = COMMANDS[command]
    assert_refused(run_here(command, source, "--out", tmp_path / name, *options), says)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("command", COMMANDS)
def test_without_ray_the_way_to_install_it_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: (name != "ray" and find(name)) or None
    )
    source, name = COMMANDS[command]
    done = run_here(command, source, "--out", tmp_path / name, "--engine", "ray")
    assert_refused(done, "ray: needs the package ray; install it with: pip install")
    assert not list(tmp_path.iterdir())
    with pytest.raises(ValueError, match="ray: needs the package ray"):
        vg.sweep(CONFIG, tmp_path / "run", engine="ray")


def test_ray_is_imported_when_it_is_used() -> None:
    done = subprocess.run([sys.executable, "-c", LIGHT], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
