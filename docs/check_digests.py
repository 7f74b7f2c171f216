"""Numbers on a page that come from a committed run stand beside the run's digest.

A page that names a run in docs/runs says once which content it means:
`docs/runs/NAME` (sha256 `DIGITS`), with the 16 digits of `digest`. When the run is made again the
digest differs, and the page has to be read again. A command in a code block needs no digest: it
states no number, or is run by docs/consoles.py.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from verigap.storage import digests

ROOT = Path(__file__).resolve().parent.parent
NAMED = re.compile(r"docs/runs/([\w-]+)")
BLOCK = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
DIGEST = re.compile(r"`docs/runs/([\w-]+)`\s+\(sha256\s+`([0-9a-f]*)`")


def digest(run: Path) -> str:
    """Digest of a run's configuration and cells, whatever its other files say."""
    files = sorted([run / "config.yaml", *(run / "cells").glob("*.parquet")])
    return digests.digest(
        (
            path.relative_to(run).as_posix().encode()
            + b"\0"
            + bytes.fromhex(digests.digest(path.read_bytes()))
            for path in files
        ),
        16,
    )


def complaints(text: str) -> Iterator[tuple[int, str]]:
    """Line number and what is wrong there."""
    stated = {match[1]: match for match in DIGEST.finditer(text)}
    prose = BLOCK.sub(lambda block: re.sub(r"[^\n]", " ", block[0]), text)
    for match in NAMED.finditer(prose):
        name, run = match[1], ROOT / "docs" / "runs" / match[1]
        line = text.count("\n", 0, match.start()) + 1
        if not run.is_dir():
            yield line, f"{match[0]}: no such run"
        elif name not in stated:
            yield line, f"say once which content: `{match[0]}` (sha256 `{digest(run)}`)"
        elif match.start() == stated[name].start() + 1 and stated[name][2] != digest(run):
            yield line, f"{match[0]} is another run now, sha256 {digest(run)}: read the page"
