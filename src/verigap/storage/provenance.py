"""Who computed a run: versions, device, revision, command, seed and time."""

from __future__ import annotations

import platform
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
      command: the command line, one entry an argument.
      seed: the root seed of the run.
      packages: distributions whose installed versions are told; None where one is missing.

    Returns:
      Command, seed, time (UTC, ISO 8601), versions, platform and revision of the source.

    Example:
      >>> collect_provenance(["verigap", "sweep"], 7, ["jax"])["seed"]
      7
    """
    return {
        "command": list(command),
        "seed": seed,
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {"python": platform.python_version(), **_versions(packages)},
        "platform": platform.platform(),
        **_revision(),
    }


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
