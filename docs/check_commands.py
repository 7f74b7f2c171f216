"""What the pages tell people to type exists: commands and options of verigap, targets of make."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CODE = re.compile(r"^```(?:sh|bash|console)\n(.*?)^```$|`([^`\n]+)`", re.MULTILINE | re.DOTALL)
VERIGAP = re.compile(r"(?:^|[\s(/])verigap ([a-z][a-z-]*)((?:\\\n|[^\n#;|&])*)")
OPTION = re.compile(r"(?<=\s)(--?[a-zA-Z][\w-]*)")
MAKE = re.compile(r"(?:^|&& )(?:[A-Z_]+=\S+ )*make ([a-z][a-z0-9-]*)", re.MULTILINE)
TARGET = re.compile(r"^([a-z][a-z0-9-]*):", re.MULTILINE)


@cache
def options() -> dict[str, set[str]]:
    """The options of every command of verigap."""
    from typer.main import get_command

    from verigap.cli.main import app

    commands = getattr(get_command(app), "commands", {})
    return {
        name: {"--help", *(option for param in command.params for option in param.opts)}
        for name, command in commands.items()
    }


@cache
def targets() -> set[str]:
    """The targets of the Makefile."""
    return set(TARGET.findall((ROOT / "Makefile").read_text(encoding="utf-8")))


def complaints(text: str) -> Iterator[tuple[int, str]]:
    """Line number and what is wrong there."""
    for code in CODE.finditer(text):
        typed, line = code[1] or code[2], text.count("\n", 0, code.start()) + 1
        for name, rest in VERIGAP.findall(typed):
            if name not in options():
                yield line, f"verigap {name}: no such command"
                continue
            for option in OPTION.findall(rest):
                if option not in options()[name]:
                    yield line, f"verigap {name} {option}: no such option"
        for target in MAKE.findall(typed):
            if target not in targets():
                yield line, f"make {target}: no such target"
