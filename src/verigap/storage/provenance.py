"""Who computed a run: versions, device, revision, command, seed and time."""

from __future__ import annotations

import platform
import re
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


def collect_provenance(
    command: Sequence[str], seed: int, packages: Sequence[str]
) -> dict[str, object]:
    """The account of this process that a run folder keeps, ready for JSON.

    Args:
      command: the command line, one entry an argument; of absolute paths the last part is kept.
      seed: the root seed of the run.
      packages: distributions whose installed versions are told; None where one is missing.

    Returns:
      Command, seed, time (UTC, ISO 8601), versions, platform and revision of the source.

    Example:
      >>> collect_provenance(["verigap", "sweep"], 7, ["jax"])["seed"]
      7
    """
    return {
        "command": [without_folders(argument) for argument in command],
        "seed": seed,
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {"python": platform.python_version(), **_versions(packages)},
        "platform": platform.platform(),
        **_revision(),
    }


# At the beginning, or after a space, a comma, a bracket or an equals sign.
_ABSOLUTE = re.compile(r"(?:(?<=[\s=,(])|^)(?:~?/|[A-Za-z]:[\\/])(?:[^/\\\s,]+[/\\])*([^/\\\s,]+)")


def without_folders(text: str) -> str:
    """A text whose absolute paths are cut to their last part, as they name users and machines.

    Args:
      text: a path, an argument of a command, or words that hold some.

    Example:
      >>> from verigap.storage.provenance import without_folders
      >>> without_folders("--out=/home/ada/runs/today"), without_folders("runs/today")
      ('--out=today', 'runs/today')
      >>> without_folders("/home/ada lovelace/my traces.parquet")
      'my traces.parquet'
    """
    if Path(text).is_absolute() and "," not in text:
        return Path(text).name
    return _ABSOLUTE.sub(r"\1", text)


def _versions(packages: Sequence[str]) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for name in packages:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return found


def _revision() -> dict[str, object]:
    """Commit of the source this module runs from, and whether tracked files differ from it."""
    here = Path(__file__).resolve()

    def git(*arguments: str) -> str | None:
        try:
            done = subprocess.run(
                ["git", *arguments],
                cwd=here.parent,
                capture_output=True,
                text=True,
                timeout=10,
                check=True,
            )
        except (OSError, subprocess.SubprocessError):
            return None
        return done.stdout.strip()

    # An installed copy may lie inside somebody else's repository, whose revision says nothing.
    if git("ls-files", "--error-unmatch", here.name) is None:
        return {"git_revision": None, "git_dirty": None}
    changes = git("status", "--porcelain", "--untracked-files=no")
    return {
        "git_revision": git("rev-parse", "HEAD"),
        "git_dirty": None if changes is None else bool(changes),
    }
