"""Engines by name, and what is said where one cannot be used."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

import verigap as vg
from tests.cli.command import assert_refused, run_here

CONFIG = Path(__file__).parents[2] / "configs" / "quickstart-tiny.yaml"
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
def test_what_cannot_be_meant_is_refused(
    tmp_path: Path, options: tuple[str, ...], says: str
) -> None:
    run = tmp_path / "run"
    assert_refused(run_here("sweep", CONFIG, "--out", run, *options), says)
    assert not run.exists()


def test_without_ray_the_way_to_install_it_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: (name != "ray" and find(name)) or None
    )
    run = tmp_path / "run"
    done = run_here("sweep", CONFIG, "--out", run, "--engine", "ray")
    assert_refused(done, "ray: needs the package ray; install it with: pip install")
    assert not run.exists()
    with pytest.raises(ValueError, match="ray: needs the package ray"):
        vg.sweep(CONFIG, run, engine="ray")


def test_ray_is_imported_when_it_is_used() -> None:
    done = subprocess.run([sys.executable, "-c", LIGHT], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
