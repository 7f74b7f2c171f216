"""What the library says names parameters; only the command line knows flags."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "verigap"
ROOMS = (
    *("figures", "llm_validation", "sim", "theory", "src/verigap/storage", "src/verigap/verbs"),
    *(path.relative_to(ROOT).as_posix() for path in PACKAGE.glob("*.py")),
)
FLAG = re.compile(r"(?<![\w-])--[A-Za-z][\w-]*")
# Flags of other programs, and the command that the account of a run repeats.
FOREIGN = {
    "figures/needs.py": {"--out"},
    "llm_validation/importers/inspect_log.py": {"--to", "--output-dir"},
    "llm_validation/importers/lm_eval.py": {"--log_samples"},
    "llm_validation/importers/recognition.py": {"--log_samples"},
    "src/verigap/storage/provenance.py": {
        "--porcelain", "--untracked-files", "--error-unmatch",
    },
}  # fmt: skip


def strings(code: str) -> Iterator[str]:
    """Every string of a module that a user may see: no docstring, no text below a constant."""
    tree = ast.parse(code)
    described = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and id(node) not in described:
            yield from [node.value] if isinstance(node.value, str) else []


def flags(room: str) -> dict[str, set[str]]:
    """Flags in the strings of a folder or file, by file."""
    path = ROOT / room
    found = {}
    for file in [path] if path.is_file() else path.rglob("*.py"):
        text = file.read_text(encoding="utf-8")
        if named := {flag for string in strings(text) for flag in FLAG.findall(string)}:
            found[file.relative_to(ROOT).as_posix()] = named
    return found


@pytest.mark.parametrize("room", ROOMS)
def test_the_library_names_no_flag(room: str) -> None:
    assert flags(room) == {
        file: named for file, named in FOREIGN.items() if f"{file}/".startswith(f"{room}/")
    }


def test_where_a_flag_is_seen() -> None:
    assert flags("src/verigap/cli/sample.py")["src/verigap/cli/sample.py"] >= {"--task", "--seed"}
    code = '"""Of --a."""\nb = f"drop --b={1}"\n"""With --c."""\nraise ValueError("a--d, --e-f")'
    assert [flag for string in strings(code) for flag in FLAG.findall(string)] == ["--b", "--e-f"]
