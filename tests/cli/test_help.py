"""What the command says about itself."""

import re

import pytest

from tests.cli.command import Command, succeeded
from verigap import __version__


@pytest.mark.smoke
def test_version(verigap: Command) -> None:
    done = succeeded(verigap("version"))
    assert done.stdout == f"{__version__}\n"
    assert done.stderr == ""


@pytest.mark.smoke
@pytest.mark.parametrize(
    ("command", "mentions"),
    [
        ("", "laws bounds sweep check version"),
        ("version", "--help"),
        ("laws", "TRACES --horizon --out --json"),
        ("import", "FORMAT FILES --out --map --answers --tokenizer --unit --on-error --json"),
        (
            "bounds",
            "--list --horizon --n --log2-class --kappa --tilt --delta --law --sigma --mean --c0 "
            "--candidates --seed --json",
        ),
        (
            "measure",
            "TRACES --horizon --n --candidates --kappa --seeds --seed --finetuned --json",
        ),
        ("sweep", "CONFIG --out --engine --json"),
        ("check", "RUN --json"),
        (
            "diagnose",
            "TRACES --out --horizon --n --candidates --verifier --kappa --include-text "
            "--seed --json",
        ),
    ],
)
def test_help(verigap: Command, command: str, mentions: str) -> None:
    done = succeeded(verigap(*command.split(), "--help"))
    assert done.stderr == ""
    words = set(re.findall(r"[-\w]+", done.stdout.lower()))
    assert {name.lower() for name in mentions.split()} <= words


def test_the_bare_command_shows_its_help(verigap: Command) -> None:
    done = verigap()
    assert "Usage: verigap" in done.stdout
    assert done.returncode == 2
    # The help has said it all; an error line would have to say what is wrong.
    assert not re.search(r"verigap:\s*\(", done.stderr)
