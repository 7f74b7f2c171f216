"""What the command says about itself."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from tests.cli.command import Command, Finished, InProcess, assert_refused, succeeded
from verigap import __version__
from verigap.cli.help_pages import example_of
from verigap.cli.main import app
from verigap.shipped import copy_files

COMMANDS: dict[str, Any] = getattr(get_command(app), "commands", {})
IN_ORDER = [
    "demo",
    "examples",
    "import",
    "sample",
    "laws",
    "fit",
    "predict",
    "measure",
    "diagnose",
    "finetune",
    "bounds",
    "sweep",
    "check",
    "rerun",
    "attack",
    "figures",
]
# Whose work shows progress.
LONG = [
    "demo",
    "import",
    "sample",
    "predict",
    "measure",
    "diagnose",
    "finetune",
    "sweep",
    "rerun",
    "attack",
    "figures",
]
# What the examples of the others cost is paid by the test of the README (tests/test_packaging.py).
QUICK = ("examples", "import", "laws")


@pytest.mark.smoke
def test_version(verigap: Command) -> None:
    done = succeeded(verigap("--version"))
    assert done.stdout == f"{__version__}\n"
    assert done.stderr == ""


def as_module(*arguments: str, **environment: str) -> Finished:
    return subprocess.run(
        [sys.executable, "-m", "verigap", *arguments],
        capture_output=True, text=True, check=False, env={**os.environ, **environment},
    )  # fmt: skip


def test_the_package_runs_as_a_module() -> None:
    done = succeeded(as_module("--version"))
    assert done.stdout == f"{__version__}\n"
    assert "Usage: verigap " in as_module("--help").stdout


def test_completion_knows_the_commands() -> None:
    done = as_module(_VERIGAP_COMPLETE="complete_bash", COMP_WORDS="verigap dia", COMP_CWORD="1")
    assert done.stdout.split() == ["diagnose"]


@pytest.mark.smoke
@pytest.mark.parametrize(
    ("command", "mentions"),
    [
        ("", "demo laws bounds sweep check --version --install-completion --show-completion"),
        ("laws", "TRACES --horizon --out --json"),
        ("import", "FORMAT FILES --out --map --answers --tokenizer --unit --on-error --json"),
        (
            "bounds",
            "--list --horizon --n --log2-class --leash --kappa --expert-radius --tilt --delta "
            "--law --sigma --mean --c0 --candidates --seed --json",
        ),
        (
            "measure",
            "TRACES --horizon --n --candidates --leash --kappa --seeds --seed --finetuned --json",
        ),
        ("sweep", "CONFIG --out --engine --json"),
        ("check", "RUN --all --partial --json"),
        ("rerun", "RUN --cells --tolerance --tables --json"),
        ("attack", "BOUNDS --instance --starts --steps --seed --out --json"),
        (
            "diagnose",
            "TRACES --out --horizon --n --candidates --verifier --leash --kappa --include-text "
            "--seed --json",
        ),
    ],
)
def test_help(verigap: Command, command: str, mentions: str) -> None:
    done = succeeded(verigap(*command.split(), "--help"))
    assert done.stderr == ""
    words = set(re.findall(r"[-\w]+", done.stdout.lower()))
    assert {name.lower() for name in mentions.split()} <= words


def test_commands_stand_in_the_order_of_work_in_their_panels(in_process: InProcess) -> None:
    assert list(COMMANDS) == IN_ORDER
    listed = re.findall(r"^│ ([a-z]+)  ", succeeded(in_process("--help")).stdout, re.MULTILINE)
    assert listed == IN_ORDER


@pytest.mark.parametrize("name", IN_ORDER)
def test_every_help_ends_in_an_example_that_can_be_typed(name: str, in_process: InProcess) -> None:
    example = example_of(COMMANDS[name].epilog)
    assert example is not None
    shown = succeeded(in_process(name, "--help")).stdout.rstrip().splitlines()
    # On one line, so that it can be copied from a terminal of 80 columns.
    assert shown[-1].strip() == example
    program, command, *arguments = shlex.split(example)
    assert (program, command) == ("verigap", name)
    # Parsed as the command would, without being run.
    assert COMMANDS[name].make_context(name, list(arguments)).params


@pytest.mark.parametrize("name", QUICK)
def test_quick_examples_run(name: str, in_process: InProcess, tmp_path: Path) -> None:
    if name != "examples":
        copy_files(tmp_path)
    example = example_of(COMMANDS[name].epilog)
    assert example is not None
    succeeded(in_process(*shlex.split(example)[1:], cwd=tmp_path))


def test_long_commands_can_be_quiet() -> None:
    quiet = [
        name
        for name, command in COMMANDS.items()
        if "--quiet" in {option for parameter in command.params for option in parameter.opts}
    ]
    assert sorted(quiet) == sorted(LONG)


def test_quiet_shows_no_progress(in_process: InProcess, tmp_path: Path) -> None:
    copy_files(tmp_path)
    sweep = ("sweep", "configs/hard-prompts-tiny.yaml", "--out")
    loud = succeeded(in_process(*sweep, "a", cwd=tmp_path))
    assert "3/3" in loud.stderr
    quiet = succeeded(in_process(*sweep, "b", "--quiet", cwd=tmp_path))
    assert quiet.stderr == ""
    assert quiet.stdout == "b: 3 of 3 cells done\n"


@pytest.mark.parametrize(
    ("typed", "where"),
    [
        ("bounds --horizn 3", "verigap bounds"),
        ("laws", "verigap laws"),
        ("sweep --out", "verigap sweep"),
        ("bonds", "verigap"),
        ("--no-such", "verigap"),
    ],
)
def test_hints_name_the_command(in_process: InProcess, typed: str, where: str) -> None:
    assert_refused(in_process(*typed.split()), f"(see {where} --help)")


def test_the_bare_command_shows_its_help(verigap: Command) -> None:
    done = verigap()
    assert "Usage: verigap" in done.stdout
    assert done.returncode == 2
    # The help has said it all; an error line would have to say what is wrong.
    assert not re.search(r"verigap:\s*\(", done.stderr)
