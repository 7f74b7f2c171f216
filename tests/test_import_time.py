"""The help page must not wait for the numerical stack."""

import json
import subprocess
import sys

import pytest

# pydantic is not among them: the command-line library itself uses it to read parameters.
HEAVY = ("jax", "matplotlib", "numpy", "polars", "scipy", "yaml")

# Asked in a fresh interpreter, of sys.modules and not of a clock: a count of modules is the same on
# every machine.
PROBE = """
import contextlib, io, json, sys
sys.argv = ["verigap", *json.loads(sys.argv[1])]
from verigap.cli.main import main
printed = io.StringIO()
status = None
with contextlib.redirect_stdout(printed):
    try:
        status = main()
    except SystemExit as stop:
        status = stop.code
print(json.dumps([sorted(sys.modules), status or 0, printed.getvalue()]))
"""


@pytest.mark.smoke
@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["--version"], ["sweep", "--help"], ["sample", "--help"], ["examples"]],
    ids=" ".join,
)
def test_light_commands_import_nothing_heavy(arguments: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROBE, json.dumps(arguments)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    modules, status, printed = json.loads(done.stdout)
    assert status == 0
    assert printed
    assert not [name for name in HEAVY if name in modules]


def test_the_theory_waits_for_no_scipy() -> None:
    code = "import sys, verigap.theory; sys.exit('scipy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# Every module of the library. Then what it brought along, and how many modules there are.
IMPORT_ALL = """
import importlib, pkgutil, sys
import verigap.llm_validation as package
names = [m.name for m in pkgutil.walk_packages(package.__path__, package.__name__ + ".")]
for name in names:
    importlib.import_module(name)
print(len(names), *(name for name in sys.argv[1:] if name in sys.modules))
"""


def test_llm_validation_imports_nothing_of_the_llm_extra() -> None:
    extra = ("gguf", "math_verify", "ray", "reasoning_gym", "tokenizers", "torch", "transformers")
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL, *extra, "vllm"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    modules, *brought = done.stdout.split()
    assert int(modules) > 20
    assert not brought
