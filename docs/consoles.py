"""Run the commands on the pages and compare what they print with what the pages say.

    python docs/consoles.py [--write] [PAGE ...]

A block fenced as `console` holds commands, each after `$ `, followed by what it prints; a line of
`...` stands for any number of lines. Commands run in the order of the page, in a scratch folder
that looks like the repository, where `runs/` is empty. A block fenced as `sh` is not run: it holds
what takes too long, or needs a network. --write renews what differs on the page.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGES = ("README.md", "docs/**/*.md", "examples/*.md")
BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ELISION = "..."
# What a shell or a CI runner may set and would change what is printed or computed.
UNSET = (
    "COLUMNS",
    "FORCE_COLOR",
    "GITHUB_ACTIONS",
    "JAX_DISABLE_MOST_OPTIMIZATIONS",
    "PY_COLORS",
    "XLA_FLAGS",
)
TIMEOUT = 900.0


@dataclass(frozen=True)
class Step:
    """One command and the output that the page shows, without trailing blanks."""

    command: str
    output: str


def pages() -> list[Path]:
    """The documents that have a console block."""
    found = sorted({path for pattern in PAGES for path in ROOT.glob(pattern)})
    return [path for path in found if BLOCK.search(path.read_text(encoding="utf-8"))]


def tidy(text: str) -> str:
    """The text without blanks at the ends of lines and without blank lines at its ends."""
    return "\n".join(line.rstrip() for line in text.splitlines()).strip("\n")


def steps(block: str) -> list[Step]:
    """The commands of a block; one that ends in a backslash goes on in the next line.

    Raises:
      ValueError: if the block does not begin with a command.
    """
    if not block.startswith("$ "):
        raise ValueError(f"a console block begins with '$ COMMAND', not {block.splitlines()[:1]}")
    found = []
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command = re.match(r"(?:.*\\\n)*.*\n?", part)
        assert command is not None
        found.append(Step(command[0].rstrip("\n"), tidy(part[command.end() :])))
    return found


def matches(shown: str, printed: str) -> bool:
    """Whether the output is the one on the page, where a line `...` stands for any lines."""
    pattern = "".join(
        r"(?:.*\n)*" if line == ELISION else re.escape(line) + r"\n" for line in shown.split("\n")
    )
    return re.fullmatch(pattern, tidy(printed) + "\n") is not None


def scratch(folder: Path) -> Path:
    """A copy of the repository by links, with a `runs` folder of its own."""
    for entry in ROOT.iterdir():
        if not entry.name.startswith(".") and entry.name not in {"runs", "build", "dist"}:
            (folder / entry.name).symlink_to(entry)
    (folder / "runs").mkdir()
    return folder


def run(command: str, folder: Path) -> str:
    """What a command prints.

    Raises:
      ValueError: if it fails; exit code 1, a negative answer, is not a failure.
    """
    inherited = {name: value for name, value in os.environ.items() if name not in UNSET}
    path = f"{Path(sys.executable).parent}{os.pathsep}{inherited['PATH']}"
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env={**inherited, "PATH": path},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    if done.returncode not in (0, 1) or "Traceback" in done.stderr:
        raise ValueError(f"$ {command}\nexit code {done.returncode}\n{done.stderr}")
    return tidy(done.stdout)


def renewed(page: Path) -> str:
    """The page's text with the output that its commands print now, where it differs.

    Raises:
      ValueError: if a command fails.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = scratch(Path(name))

        def renew(block: re.Match[str]) -> str:
            lines = []
            for step in steps(block[1]):
                began = time.monotonic()
                printed = run(step.command, folder)
                print(f"{time.monotonic() - began:6.1f} s  {step.command}", file=sys.stderr)
                kept = step.output if matches(step.output, printed) else printed
                lines += [f"$ {step.command}", *([kept] if kept else [])]
            return "\n".join(["```console", *lines, "```"])

        return BLOCK.sub(renew, page.read_text(encoding="utf-8"))


def main() -> int:
    """Compare, or write; 0 if every page says what its commands print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--write", action="store_true")
    parser.add_argument("pages", nargs="*", type=Path)
    options = parser.parse_args()
    wrong = 0
    for page in [path.resolve() for path in options.pages] or pages():
        text, now = page.read_text(encoding="utf-8"), renewed(page)
        if text == now:
            continue
        if options.write:
            page.write_text(now, encoding="utf-8")
        else:
            wrong += 1
            print(f"{page}: python docs/consoles.py --write {page}")
    return min(wrong, 1)


if __name__ == "__main__":
    sys.exit(main())
